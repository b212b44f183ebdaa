// SPDX-License-Identifier: Apache-2.0
// What a PPP interface is for: the way to a provider (PPPoE, a modem), which is no VPN, or a VPN's tunnel. By the
// program that made it; pure, and never a guess.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

inline constexpr std::uint16_t kHardwarePpp = 512;  ///< Link::hardware_type of a PPP interface: ARPHRD_PPP

/// What was seen of the pppd that made an interface.
struct PppdFacts {
  std::vector<std::string> arguments;               ///< the words of its command line; empty: not readable
  std::optional<std::vector<std::string>> plugins;  ///< names of the libraries that it loaded; null: not readable
  std::optional<std::vector<std::string>> lines;    ///< terminals that it holds, as paths; null: not readable
  std::string parent;                               ///< name of the process that started it; empty: not known
};

/// What a PPP interface is for.
struct PppUse {
  /// "pppoe", "pppoa", "modem"; "pptp", "l2tp", "sstp", "fortinet", "ssh"; "ppp": not known.
  std::string kind = "ppp";
  std::string why_unknown;  ///< a phrase; empty unless it is not known
};
/// By pppd's plugin, the program that started it, else the line that it holds; not known where nothing of it tells, or
/// signs contradict each other.
PppUse ppp_use_of(const PppdFacts& pppd);

/// True for the kinds above that are a way to a provider.
bool is_uplink_kind(std::string_view kind);

/// Why it is not known whether a PPP interface is a VPN, a sentence without its full stop; empty for one of which it is
/// known, and for other interfaces.
std::string why_ppp_unknown(const Snapshot& snapshot, std::string_view interface);

/// A session of the kernel's PPPoE. The table does not tell which PPP interface it serves.
struct PppoeSession {
  std::string peer;       ///< hardware address of the provider's end
  std::string interface;  ///< below it: an Ethernet device
  bool operator==(const PppoeSession&) const = default;
};
/// Parses /proc/net/pppoe (drivers/net/ppp/pppoe.c pppoe_seq_show()). Lines that are none of it are passed over.
std::vector<PppoeSession> parse_pppoe_sessions(std::string_view text);

}  // namespace vpndoctor
