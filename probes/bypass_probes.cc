// SPDX-License-Identifier: Apache-2.0
// Probes past the tunnel; see the header. At most twice for each interface, TTL and protocol, and towards the host that
// was named alone.
#include "vpndoctor/bypass_probes.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "bypass_socket.h"
#include "vpndoctor/egress.h"
#include "vpndoctor/resolve_target.h"

namespace vpndoctor {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::uint8_t kMostTtl = 3;
constexpr int kAttempts = 2;
constexpr milliseconds kAttemptTime{700};
/// A machine with more is no client of a VPN; each costs twelve packets.
constexpr std::size_t kMostInterfaces = 8;

bool carries(const RouteTable& routes, const Route& route, const IpAddress& target, const std::string& interface) {
  if (route.type != RouteType::kUnicast || route.destination.family() != target.family) return false;
  if (!route.destination.contains(target)) return false;
  return std::ranges::any_of(routes.hops(route), [&](const NextHop& hop) { return hop.interface == interface; });
}

bool has_route(const Snapshot& snapshot, const std::string& interface, const IpAddress& target) {
  if (!snapshot.routes.is_known()) return true;
  const RouteTable& routes = *snapshot.routes;
  return std::ranges::any_of(routes.routes,
                             [&](const Route& route) { return carries(routes, route, target, interface); });
}

/// Interfaces that are no tunnel, up, and have a route that the target falls under.
std::vector<std::string> usable_interfaces(const Snapshot& snapshot, const IpAddress& target) {
  std::vector<std::string> names;
  if (!snapshot.links.is_known()) return names;
  for (const Link& link : *snapshot.links) {
    if (!link.is_up() || link.is_loopback() || link.is_vrf() || is_tunnel(snapshot, link.name)) continue;
    if (names.size() < kMostInterfaces && has_route(snapshot, link.name, target)) names.push_back(link.name);
  }
  return names;
}

/// Waits for answers until the time is over, nobody is left to wait for, or the user has enough; then false.
class Volley {
 public:
  Volley(const Snapshot& snapshot, int interrupt_descriptor)
      : snapshot_(snapshot), interrupt_descriptor_(interrupt_descriptor) {}

  void shoot(BypassShot shot) {
    auto socket = std::make_unique<BypassSocket>(std::move(shot));
    if (socket->send()) sockets_.push_back(std::move(socket));
  }

  bool wait() {
    const auto end = steady_clock::now() + kAttemptTime;
    while (any_waiting()) {
      const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
      if (left.count() <= 0) return true;
      if (!wait_once(static_cast<int>(left.count()))) return false;
    }
    return true;
  }

  std::vector<BypassProbe> records() const {
    std::vector<BypassProbe> records(sockets_.size());
    std::ranges::transform(sockets_, records.begin(), [](const auto& socket) { return socket->record(); });
    return records;
  }

 private:
  bool any_waiting() const {
    return std::ranges::any_of(sockets_, [](const auto& socket) { return socket->is_waiting(); });
  }

  bool wait_once(int left_ms) {
    std::vector<pollfd> watched{{interrupt_descriptor_, POLLIN, 0}};
    for (const auto& socket : sockets_)
      if (socket->is_waiting()) watched.push_back({socket->descriptor(), POLLIN, 0});
    if (::poll(watched.data(), watched.size(), left_ms) < 0) return true;
    if (watched.front().revents != 0) return false;
    for (const auto& socket : sockets_) socket->receive([this](const IpAddress& address) { return is_own(address); });
    return true;
  }

  bool is_own(const IpAddress& address) const {
    if (address.is_loopback()) return true;
    if (!snapshot_.addresses.is_known()) return false;
    return std::ranges::any_of(*snapshot_.addresses, [&](const Address& own) { return own.address == address; });
  }

  const Snapshot& snapshot_;
  int interrupt_descriptor_;
  std::vector<std::unique_ptr<BypassSocket>> sockets_;
};

bool is_answered(const std::vector<BypassProbe>& probes, const std::string& interface) {
  return std::ranges::any_of(
      probes, [&](const BypassProbe& probe) { return probe.interface == interface && probe.answered_by; });
}

/// Shoots at every TTL by both protocols from one interface.
void shoot_all(Volley& volley, const BypassTest& test, const std::string& interface, int index, int attempt) {
  std::uint16_t number = static_cast<std::uint16_t>(attempt * kMostTtl * 2);
  for (std::uint8_t ttl = 1; ttl <= kMostTtl; ++ttl) {
    for (const bool is_icmp : {false, true})
      volley.shoot({.interface = interface,
                    .interface_index = index,
                    .target = test.target,
                    .ttl = ttl,
                    .is_icmp = is_icmp,
                    .number = ++number});
  }
}

Result<std::vector<std::pair<std::string, int>>> with_indices(const std::vector<std::string>& names) {
  std::vector<std::pair<std::string, int>> result;
  for (const std::string& name : names) {
    auto index = interface_index(name);
    if (!index) return std::unexpected(std::move(index.error()));
    result.emplace_back(name, *index);
  }
  return result;
}

/// By the way of an ordinary packet. Where the snapshot does not tell it, the kernel's tables may: into a tunnel.
std::string why_nothing_to_pass(const Snapshot& snapshot, const Fib& fib, const BypassTest& test) {
  Flow flow;
  flow.destination = test.target;
  flow.uid = ::getuid();
  const PacketPath path = packet_path(snapshot, fib, flow);
  if (path.way == PacketWay::kUnknown) {
    const auto egress = query_egress({.target = test.target, .interface = {}, .source = {}, .mark = {}});
    if (egress && egress->is_tunnel) return {};
  }
  return why_no_bypass_test(path, test.host);
}

}  // namespace

Result<BypassTest> run_bypass_test(const BypassOptions& options, const Snapshot& snapshot, const Fib& fib) {
  auto target = resolve_target(options.host, std::nullopt);
  if (!target) return std::unexpected(std::move(target.error()));
  BypassTest test;
  test.host = options.host;
  test.target = target->address;
  test.interfaces = options.interfaces.empty() ? usable_interfaces(snapshot, test.target) : options.interfaces;
  auto interfaces = with_indices(test.interfaces);
  if (!interfaces) return std::unexpected(std::move(interfaces.error()));
  test.why_not = why_nothing_to_pass(snapshot, fib, test);
  if (test.why_not.empty() && interfaces->empty()) {
    test.why_not = fmt::format("no physical interface has a route to {}", test.target);
  }
  if (!test.why_not.empty()) return test;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Volley volley(snapshot, options.interrupt_descriptor);
    for (const auto& [name, index] : *interfaces)
      if (!is_answered(test.probes, name)) shoot_all(volley, test, name, index, attempt);
    const bool goes_on = volley.wait();
    std::ranges::copy(volley.records(), std::back_inserter(test.probes));
    if (!goes_on) break;
  }
  return test;
}

}  // namespace vpndoctor
