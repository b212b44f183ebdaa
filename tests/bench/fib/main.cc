// SPDX-License-Identifier: Apache-2.0
// vpndoctor-fib-bench: the route lookup by itself. `differential [FLOWS] [SEED]` compares it with the kernel over
// random machines in network namespaces of its own (needs root) and prints a Markdown table, mismatches to stderr;
// `lookup` measures it on a million routes of each family. Exit code 1 when a flow has another answer than the
// kernel's.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <ctime>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fib/differential.h"
#include "vpndoctor/fib.h"
#include "vpndoctor/route_table_builder.h"

namespace vpndoctor {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kRoutes = 1'000'000;
constexpr std::size_t kLookups = 1U << 20U;
constexpr std::size_t kFlowsInAWorld = 400;
constexpr std::size_t kMostReports = 20;  // with the machine's configuration, some screens each

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

IpAddress random_address(std::mt19937_64& random, Family family) {
  IpAddress address{.family = family, .bytes = {}};
  for (std::size_t i = 0; i < address.octets().size(); ++i) address.bytes[i] = static_cast<std::uint8_t>(random());
  // Of 2000::/3 only, as the Internet's.
  if (family == Family::kInet6) address.bytes[0] = static_cast<std::uint8_t>(0x20 | (address.bytes[0] & 0x1f));
  return address;
}

Link link(const std::string& name, int index, std::uint32_t flags) {
  Link made;
  made.index = index;
  made.name = name;
  made.flags = flags;
  return made;
}

Address address(const std::string& interface, std::string_view text, std::uint8_t length) {
  Address made;
  made.interface = interface;
  made.address = *IpAddress::parse(text);
  made.prefix_length = length;
  return made;
}

Rule rule(Family family, std::uint32_t priority, std::uint32_t table) {
  Rule made;
  made.family = family;
  made.priority = priority;
  made.table = table;
  return made;
}

/// A million prefixes of lengths as in the Internet's table, over two gateways.
void add_routes(RouteTableBuilder& builder, Family family, std::mt19937_64& random) {
  const bool inet = family == Family::kInet;
  std::vector<std::uint32_t> sets;
  const std::vector<const char*> gateways =
      inet ? std::vector<const char*>{"192.0.2.1", "198.51.100.1"} : std::vector<const char*>{"fe80::1", "fe80::2"};
  for (const char* gateway : gateways) {
    const std::string interface = sets.empty() ? "eth0" : "tun0";
    sets.push_back(builder.intern(NextHopSet{.hops = {{.gateway = IpAddress::parse(gateway),
                                                       .interface = interface,
                                                       .weight = 1,
                                                       .flags = 0,
                                                       .encapsulation = {}}},
                                             .object_id = {}}));
  }
  const std::uint32_t attributes = builder.intern(RouteAttributes{});
  for (std::uint32_t i = 0; i < kRoutes; ++i) {
    const unsigned length = (inet ? 16 : 32) + static_cast<unsigned>(random() % (inet ? 9 : 17));
    Route route;
    route.destination = i == 0 ? IpPrefix::everything(family) : IpPrefix::of(random_address(random, family), length);
    route.metric = inet ? 0 : 1024;
    route.next_hops = sets[i % 2];
    route.attributes = attributes;
    builder.add(route);
  }
}

Snapshot million_routes(Family family) {
  std::mt19937_64 random(1);
  Snapshot snapshot;
  snapshot.links = {{link("lo", 1, kLinkUp | kLinkLoopback | kLinkRunning), link("eth0", 2, kLinkUp | kLinkRunning),
                     link("tun0", 3, kLinkUp | kLinkRunning)},
                    "benchmark"};
  snapshot.addresses = {
      {address("eth0", "192.0.2.2", 24), address("tun0", "198.51.100.2", 24), address("eth0", "2001:db8::2", 64),
       address("eth0", "fe80::10", 64), address("tun0", "fd00::2", 64), address("tun0", "fe80::20", 64)},
      "benchmark"};
  snapshot.rules = {{rule(family, 0, kTableLocal), rule(family, 32766, kTableMain)}, "benchmark"};
  snapshot.settings = {RoutingSettings{}, "benchmark"};
  snapshot.neighbours = {std::vector<Neighbour>{}, "benchmark"};
  RouteTableBuilder builder;
  add_routes(builder, family, random);
  snapshot.routes = {builder.take(), "benchmark"};
  return snapshot;
}

/// Millions of lookups a second of processor time.
template <class LookUp>
double rate_of(LookUp look_up) {
  const std::clock_t start = std::clock();
  const std::size_t lookups = look_up();
  return static_cast<double>(lookups) / (static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC) / 1e6;
}

void measure_lookups(Family family) {
  const Snapshot snapshot = million_routes(family);
  const auto start = Clock::now();
  const Fib fib(snapshot);
  const double index_seconds = seconds_since(start);
  std::mt19937_64 random(2);
  std::vector<Flow> flows(kLookups);
  for (Flow& flow : flows) flow.destination = random_address(random, family);
  std::size_t found = 0;
  const double one_by_one = rate_of([&] {
    for (const Flow& flow : flows) found += fib.lookup(flow).route != nullptr ? 1U : 0U;
    return flows.size();
  });
  std::vector<FlowAnswer> answers(256);
  const double many_at_once = rate_of([&] {
    for (std::size_t at = 0; at + answers.size() <= flows.size(); at += answers.size()) {
      fib.lookup(std::span(flows).subspan(at, answers.size()), answers);
      for (const FlowAnswer& answer : answers) found += answer.route != nullptr ? 1U : 0U;
    }
    return flows.size() / answers.size() * answers.size();
  });
  fmt::print(
      "{}: {:.2f} million lookups/s one by one, {:.2f} many at once, {} routes, index {:.2f} s, {:.0f} % found\n",
      family_name(family), one_by_one, many_at_once, snapshot.routes->routes.size(), index_seconds,
      50.0 * static_cast<double>(found) / static_cast<double>(kLookups));
}

/// Markdown, as the other benchmarks print.
void print_tally(const fib_test::Tally& tally, double seconds) {
  const auto line = [&](std::string_view what, std::size_t part) {
    fmt::print("| {} | {} | {:.3f} % |\n", what, part,
               100.0 * static_cast<double>(part) / static_cast<double>(tally.flows));
  };
  fmt::print("| {} flows in {:.1f} s (kernel {:.1f} s, vpndoctor {:.2f} s) | flows | share |\n|---|--:|--:|\n",
             tally.flows, seconds, tally.kernel_seconds, tally.our_seconds);
  line("**mismatches**", tally.mismatches);
  line("have a route", tally.found_route);
  line("labelled: a hash decides", tally.depends_hash);
  line("labelled: a neighbour decides", tally.depends_neighbour);
  line("uncertain", tally.all_doubts().answers);
  for (const auto& [reason, doubt] : tally.doubts) {
    line(fmt::format("uncertain, of which {} differ: {}", doubt.differ, reason), doubt.answers);
  }
}

int run_differential(std::size_t flows, std::uint64_t seed) {
  const auto start = Clock::now();
  const auto tally = fib_test::run_differential({.first_seed = seed,
                                                 .worlds = (flows + kFlowsInAWorld - 1) / kFlowsInAWorld,
                                                 .flows = kFlowsInAWorld,
                                                 .most_reports = kMostReports});
  if (!tally) {
    fmt::print(stderr, "vpndoctor-fib-bench: {}\n", tally.error().message);
    return 2;
  }
  for (const std::string& report : tally->reports) fmt::print(stderr, "{}\n", report);
  print_tally(*tally, seconds_since(start));
  return tally->mismatches == 0 ? 0 : 1;
}

}  // namespace
}  // namespace vpndoctor

int main(int argc, char** argv) {
  using namespace vpndoctor;
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "lookup") {
    measure_lookups(Family::kInet);
    measure_lookups(Family::kInet6);
    return 0;
  }
  if (mode == "differential") {
    const auto number = [&](int at, std::uint64_t otherwise) {
      return argc > at ? std::strtoull(argv[at], nullptr, 10) : otherwise;
    };
    return run_differential(number(2, 1'000'000), number(3, 1));
  }
  fmt::print(stderr, "usage: vpndoctor-fib-bench lookup | differential [FLOWS] [SEED]\n");
  return 2;
}
