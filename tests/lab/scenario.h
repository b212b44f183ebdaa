// SPDX-License-Identifier: Apache-2.0
// A scenario: a path, what to run over it, and what must come out. Read from a JSON file; see README.md beside it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "path.h"
#include "vpndoctor/result.h"

namespace vpndoctor::lab {

/// A real VPN between client and target, over the emulated path.
struct TunnelConfig {
  enum class Kind { kOpenVpn, kWireGuard };
  Kind kind = Kind::kOpenVpn;
  std::uint32_t mtu_bytes = 1500;
  Family outer = Family::kInet;
};

struct RunConfig {
  std::vector<std::string> args;
  bool as_user = false;
  bool ping_socket = false;  ///< `ping_group_range` admits everybody
  std::string client_nft;    ///< nftables rules, loaded in the client
  std::string target_nft;
  std::map<std::string, std::string> client_sysctls;  ///< below net/, e.g. "ipv4/ip_no_pmtu_disc"
};

struct Scenario {
  std::string name;  ///< the file's name without its extension
  std::string description;
  std::vector<Family> families;  ///< one run each; {target} is the address of that family
  PathConfig path;
  RunConfig run;
  std::optional<TunnelConfig> tunnel;
  std::optional<std::uint32_t> stale_cache_mtu_bytes;  ///< what the client's kernel believes before the command starts
  std::string expect_json;                             ///< the expectation, as JSON text
  std::string expect_inet6_json;                       ///< what differs for IPv6 (RFC 7396 merge patch); empty: nothing
};

/// Reads a scenario file. A key that nobody reads is an error: it would be a condition that silently does not hold.
Result<Scenario> read_scenario(const std::string& file);

}  // namespace vpndoctor::lab
