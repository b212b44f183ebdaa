// SPDX-License-Identifier: Apache-2.0
// A laptop with a VPN, its networks and its guests, and what the leak checks say of it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "machine.h"
#include "vpndoctor/leak_checks.h"

namespace vpndoctor::testing_support {

/// A laptop on a private network with public IPv6, all IPv4 through tun0 by two halves.
inline Machine laptop() {
  Machine machine;
  machine.link("eth0").address("eth0", "192.168.50.5/24");
  machine.route({.destination = "default", .interface = "eth0", .gateway = "192.168.50.1", .protocol = kProtocolDhcp});
  machine.tun("tun0").address("tun0", "10.8.0.2/24").tunnel("tun0", "9.9.9.1");
  machine.route({.destination = "0.0.0.0/1", .interface = "tun0", .gateway = "10.8.0.1"});
  machine.route({.destination = "128.0.0.0/1", .interface = "tun0", .gateway = "10.8.0.1"});
  return machine;
}

inline Machine& with_inet6(Machine& machine, const char* address = "2a0e:50::5/64") {
  return machine.address("eth0", address)
      .route({.destination = "::/0",
              .interface = "eth0",
              .gateway = "2a0e:50::1",
              .metric = 1024,
              .protocol = kProtocolRouterAdvertisement});
}

inline CheckResults judge(Snapshot& snapshot, std::uint32_t uid = 0) {
  if (!snapshot.leases) snapshot.leases = {{}, "files"};
  const Fib fib(snapshot);
  const Coverage coverage = find_coverage(snapshot, fib, uid);
  const std::vector<TunnelReport> tunnels = judge_tunnels(snapshot);
  return check_leaks(
      {.snapshot = snapshot, .fib = fib, .uid = uid, .tunnels = tunnels, .coverage = coverage, .expectation = {}});
}

/// The severity of each finding of these checks.
inline std::map<std::string, Severity> severities(const CheckResults& results) {
  std::map<std::string, Severity> found;
  for (const Finding& each : results.findings) {
    if (each.code.starts_with("LEK")) found.emplace(each.code, each.severity);
  }
  return found;
}

inline std::map<std::string, Severity> severities(Machine& machine) {
  Snapshot snapshot = machine.snapshot();
  return severities(judge(snapshot));
}

/// The only finding of the code.
inline Finding finding_of(Snapshot& snapshot, std::string_view code) {
  const CheckResults results = judge(snapshot);
  const auto found = std::ranges::find(results.findings, code, &Finding::code);
  EXPECT_EQ(std::ranges::count(results.findings, code, &Finding::code), 1) << code;
  return found == results.findings.end() ? Finding{} : *found;
}

inline void lease(Snapshot& snapshot, const char* destination, const char* gateway, const char* interface = "eth0") {
  InterfaceConfiguration lease;
  lease.manager = ConfigurationManager::kDhclient;
  lease.source = "/var/lib/dhcp/dhclient.leases";
  lease.interface = interface;
  lease.is_lease = true;
  lease.ways.push_back(
      {.destination = *IpPrefix::parse(destination), .gateway = IpAddress::parse(gateway), .place = "option 121"});
  if (!snapshot.leases) snapshot.leases = {{}, "files"};
  snapshot.leases->push_back(lease);
}

inline bool has_command(const Finding& finding, const std::string& text) {
  return std::ranges::any_of(finding.remedy.commands, [&](const Command& each) {
    return fmt::format("{}", fmt::join(each.argv, " ")).find(text) != std::string::npos;
  });
}

inline constexpr auto kNotice = Severity::kNotice;
inline constexpr auto kWarning = Severity::kWarning;
inline constexpr auto kError = Severity::kError;

inline Machine on_network(const char* interface, const char* address) {
  Machine machine;
  machine.link(interface).address(interface, address);
  machine.tun("tun0").route({.destination = "0.0.0.0/1", .interface = "tun0"});
  machine.route({.destination = "128.0.0.0/1", .interface = "tun0"})
      .route({.destination = "::/0", .interface = "tun0"});
  return machine;
}

inline Machine with_containers(Machine machine) {
  machine.link("docker0", "bridge").address("docker0", "172.17.0.1/16");
  return machine;
}

inline Snapshot forwarding(Machine& machine) {
  Snapshot snapshot = machine.snapshot();
  for (const Link& link : *snapshot.links) snapshot.settings->inet[link.name].forwarding = 1;
  return snapshot;
}

/// The tunnel's table is for this machine's own packets alone.
inline Machine local_only() {
  Machine machine;
  machine.link("eth0").address("eth0", "192.168.50.5/24");
  machine.route({.destination = "default", .interface = "eth0", .gateway = "192.168.50.1"});
  machine.tun("tun0")
      .address("tun0", "10.8.0.2/24")
      .route({.destination = "default", .interface = "tun0", .table = 77});
  Rule rule;
  rule.priority = 100;
  rule.table = 77;
  rule.input_interface = "lo";
  machine.rule(rule);
  return machine;
}

}  // namespace vpndoctor::testing_support
