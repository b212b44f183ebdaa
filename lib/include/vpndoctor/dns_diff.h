// SPDX-License-Identifier: Apache-2.0
// The resolver configuration as things that two states can be compared by: resolv.conf, the order of name services, and
// each scope that names are sent to. Without what changes by itself: counters, current servers, process ids. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/dns_configuration.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// One thing of the resolver configuration.
struct DnsDiffEntry {
  enum class Kind : std::uint8_t { kResolvConf, kNameServiceSwitch, kScope };
  Kind kind = Kind::kScope;
  std::string source;     ///< who has it: "resolv.conf", "nsswitch.conf", "systemd-resolved", "NetworkManager", ...
  std::string id;         ///< of a scope: "global", "tun0", "delegate x"; else that of its kind
  std::string interface;  ///< empty: none
  std::vector<DnsServer> servers;
  std::vector<DnsDomain> domains;     ///< of resolv.conf: the search list
  std::optional<bool> default_route;  ///< null: not known, or the question makes no sense
  std::string owner;                  ///< of resolv.conf; empty: not recognised
  std::string mode;                   ///< of resolv.conf: its owner's mode
  std::string link_target;            ///< of resolv.conf
  /// Of resolv.conf: its options; of the name services: each with its actions; of a scope of NetworkManager: its
  /// priority.
  std::vector<std::string> settings;
};

/// "scope", "resolv_conf" or "name_service_switch"
const char* dns_diff_kind_name(DnsDiffEntry::Kind kind);

/// What the thing is called in a sentence: "resolver of tun0", "global resolver", "resolv.conf".
std::string dns_diff_title(const DnsDiffEntry& entry);
/// What it holds: "10.0.0.1 for corp.example".
std::string dns_diff_content(const DnsDiffEntry& entry);
/// What differs between two states of the same thing, a phrase each that goes behind its title and a colon: "owner
/// changed from systemd-resolved to Tailscale".
std::vector<std::string> dns_diff_changes(const DnsDiffEntry& before, const DnsDiffEntry& after);

}  // namespace vpndoctor
