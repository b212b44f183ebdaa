// SPDX-License-Identifier: Apache-2.0
// Signs of a VPN that no interface and no route shows: what programs run, listen on, or left behind.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace [[gnu::visibility("default")]] vpndoctor {

enum class VpnSignKind : std::uint8_t {
  kIpsecSocket,      ///< a UDP socket on port 500 or 4500 (IKE)
  kXfrmCounters,     ///< a counter of /proc/net/xfrm_stat is not 0
  kUserspaceClient,  ///< a VPN without an interface (tailscaled --tun=userspace-networking, wireproxy, ocproxy ...)
  kProxyClient,      ///< a proxy that programs must be told to use (sing-box, xray, ss-local, ssh -D, tor ...)
  kAbandonedSocket,  ///< a control socket below /run that nobody listens on
};

struct VpnSign {
  VpnSignKind kind = VpnSignKind::kIpsecSocket;
  std::string name;                  ///< the process, the counter or the path; control characters replaced
  std::optional<std::uint32_t> pid;  ///< of the process; null: none, or not known
  std::string text;                  ///< what was seen, a phrase: "listens on UDP port 4500"
  bool operator==(const VpnSign&) const = default;
};

/// True when a process of this name (/proc/PID/comm, 15 bytes at most) can be a VPN or a proxy without an interface.
bool may_be_vpn_client(std::string_view process_name);
/// Recognises such a program by its name and its arguments, the first of which is its own name. What is told of it is
/// this table's own text: arguments may hold secrets.
std::optional<VpnSign> recognize_vpn_client(std::string_view process_name, std::span<const std::string_view> arguments);

}  // namespace vpndoctor
