// SPDX-License-Identifier: Apache-2.0
// A machine with a LAN and a tunnel whose names systemd-resolved looks up, for tests of its model.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "dns_machine.h"
#include "vpndoctor/dns_explain.h"

namespace vpndoctor::testing_support {

inline constexpr const char* kLanServer = "192.0.2.1";
inline constexpr const char* kTunnelServer = "10.66.0.1";

inline Link resolved_link(int index, const char* name) {
  Link link;
  link.index = index;
  link.name = name;
  link.flags = kLinkUp | kLinkLowerUp | kLinkRunning | kLinkMulticast;
  link.operational_state = 6;
  return link;
}

inline Address resolved_address(const char* interface, const char* address, std::uint8_t length) {
  Address own;
  own.interface = interface;
  own.address = *IpAddress::parse(address);
  own.prefix_length = length;
  if (own.address.is_link_local()) own.scope = kScopeLink;
  return own;
}

/// lan0 with 192.0.2.10/24 and tun9 with 10.66.0.2/24; nothing is configured.
inline Snapshot resolved_machine() {
  Snapshot snapshot;
  snapshot.host_name = "vm.example.org";
  snapshot.links = {{resolved_link(2, "lan0"), resolved_link(3, "tun9")}, "test"};
  snapshot.addresses = {{resolved_address("lan0", "192.0.2.10", 24), resolved_address("tun9", "10.66.0.2", 24)},
                        "test"};
  snapshot.dns.hosts = {std::vector<HostsEntry>(), "test"};
  return snapshot;
}

/// A scope whose liveness and default route are to be worked out, as from networkd's files.
inline ResolvedScope scope_of(const char* interface, const std::vector<const char*>& servers,
                              const std::vector<const char*>& domains = {}) {
  ResolvedScope scope = link_scope(interface, servers, domains, true);
  scope.default_route.reset();
  scope.live_protocols.reset();
  scope.llmnr = "no";
  scope.multicast_dns = "no";
  return scope;
}

inline Snapshot with_resolved(Snapshot snapshot, ResolvedState state, unsigned version = 252) {
  state.version = version;
  if (!state.settings) state.settings = {ResolvedSettings(), "test"};
  snapshot.dns.resolved = {std::move(state), "test"};
  return snapshot;
}

inline Snapshot with_scopes(std::vector<ResolvedScope> links, unsigned version = 252) {
  return with_resolved(resolved_machine(), resolved_of(std::move(links)), version);
}

struct ResolvedAsk {
  std::uint16_t type = kDnsTypeA;
  bool through_stub = true;
  std::string pinned = {};
};

inline DnsPath resolve(const Snapshot& snapshot, const std::string& name, const ResolvedAsk& ask = {}) {
  DnsQuestion question;
  question.name = name;
  question.type = ask.type;
  return explain_resolved(snapshot, question, ask.through_stub, ask.pinned);
}

/// "SERVER NAME" of what is asked at once; "llmnr NAME" for multicast.
inline std::set<std::string> asked_at_once(const DnsPath& path) {
  std::set<std::string> asked;
  for (const auto& query : path.asked) {
    if (!query.only_if.empty()) continue;
    asked.insert((query.server ? query.server->to_string() : query.protocol) + " " + query.name);
  }
  return asked;
}

inline const DnsCandidate* candidate_of(const DnsPath& path, const std::string& scope) {
  for (const auto& candidate : path.candidates) {
    if (candidate.scope == scope) return &candidate;
  }
  return nullptr;
}

}  // namespace vpndoctor::testing_support
