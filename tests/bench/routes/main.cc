// SPDX-License-Identifier: Apache-2.0
// Measures the routing engine from inside: one subject a run, so that its memory is its own. Prints one JSON object
// with seconds and bytes. Run in a network namespace whose table `install` has filled; tests/bench/routes.py does.
#include <fmt/format.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "drawn_vpn.h"
#include "million_routes.h"
#include "vpndoctor/cidr_audit.h"
#include "vpndoctor/collect.h"
#include "vpndoctor/fib.h"
#include "vpndoctor/leak_checks.h"
#include "vpndoctor/route_diff.h"
#include "vpndoctor/snapshot_file.h"
#include "vpndoctor/snapshot_store.h"

namespace vpndoctor {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

long peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

[[noreturn]] void stop(const std::string& why) {
  std::fprintf(stderr, "vpndoctor-routes-bench: %s\n", why.c_str());
  std::exit(1);
}

template <class T>
T must(Result<T> result) {
  if (!result) stop(result.error().message);
  return std::move(*result);
}

void install(const std::string& count) {
  if (!testing_support::make_big_interface()) stop("no interface can be made");
  const std::string failed = testing_support::install_routes(static_cast<std::uint32_t>(std::stoul(count)));
  if (!failed.empty()) stop(failed);
}

/// The physical limit: asks for all routes and throws the answer away.
void receive_bare(const std::string& /*argument*/) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  struct {
    nlmsghdr header;
    rtmsg message;
  } request{};
  request.header = {sizeof request, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, 1, 0};
  request.message.rtm_family = AF_INET;
  const auto start = Clock::now();
  if (fd < 0 || send(fd, &request, sizeof request, 0) < 0) stop("netlink cannot be used");
  static std::array<char, 32768> buffer;
  std::size_t bytes = 0;
  while (true) {
    const ssize_t size = recv(fd, buffer.data(), buffer.size(), 0);
    if (size <= 0) stop("the dump broke off");
    bytes += static_cast<std::size_t>(size);
    if (reinterpret_cast<const nlmsghdr*>(buffer.data())->nlmsg_type == NLMSG_DONE) break;
  }
  close(fd);
  fmt::print("{{\"seconds\":{:.3f},\"bytes\":{}}}\n", seconds_since(start), bytes);
}

CollectOptions without_tunnels() {
  CollectOptions options;
  options.tunnels = false;
  return options;
}

void collect(const std::string& /*argument*/) {
  const long before = peak_bytes();
  const auto start = Clock::now();
  const Snapshot snapshot = must(collect_snapshot(without_tunnels()));
  fmt::print("{{\"seconds\":{:.3f},\"memory_bytes\":{},\"routes\":{}}}\n", seconds_since(start), peak_bytes() - before,
             snapshot.routes->routes.size());
}

void write_file(const std::string& path) {
  const Snapshot snapshot = must(collect_snapshot(without_tunnels()));
  const auto start = Clock::now();
  if (const auto saved = save_snapshot(snapshot, path); !saved) stop(saved.error().message);
  fmt::print("{{\"seconds\":{:.3f}}}\n", seconds_since(start));
}

void read_file(const std::string& path) {
  const long before = peak_bytes();
  const auto start = Clock::now();
  const Snapshot snapshot = must(load_snapshot(path));
  fmt::print("{{\"seconds\":{:.3f},\"memory_bytes\":{},\"routes\":{}}}\n", seconds_since(start), peak_bytes() - before,
             snapshot.routes->routes.size());
}

/// Compares the state with itself read again, and with one that differs in every hundredth route.
void diff(const std::string& path) {
  const Snapshot before = must(load_snapshot(path));
  const Snapshot same = must(load_snapshot(path));
  Snapshot other = same;
  for (std::size_t i = 0; i < other.routes->routes.size(); i += 100) other.routes->routes[i].metric += 7;
  auto start = Clock::now();
  const bool is_equal = diff_snapshots(before, same).is_equal();
  const double equal = seconds_since(start);
  start = Clock::now();
  const SnapshotDiff changed = diff_snapshots(before, other);
  fmt::print("{{\"seconds\":{:.3f},\"equal_seconds\":{:.3f},\"equal\":{},\"changes\":{}}}\n", seconds_since(start),
             equal, is_equal, changed.routes.added.size() + changed.routes.changed.size());
}

IpAddress address_of_number(std::uint32_t number) {
  IpAddress address;
  for (unsigned byte = 0; byte < 4; ++byte) {
    address.bytes[byte] = static_cast<std::uint8_t>(number >> (24 - 8 * byte));
  }
  return address;
}

struct Rates {
  double one_by_one = 0;
  double many_at_once = 0;
};

/// Lookups a second, without the time to draw the flows; `next` says which destination comes next.
template <class Next>
Rates lookup_rates(const Fib& fib, Next next) {
  constexpr int kRounds = 10'000;
  std::vector<Flow> flows(1000);
  std::vector<FlowAnswer> answers(flows.size());
  std::size_t found = 0;
  Clock::duration one_by_one{};
  Clock::duration many_at_once{};
  const auto timed = [&](Clock::duration& spent, auto look_up) {
    for (Flow& flow : flows) flow.destination = address_of_number(next());
    const auto start = Clock::now();
    look_up();
    spent += Clock::now() - start;
  };
  for (int round = 0; round < kRounds; ++round) {
    timed(one_by_one, [&] {
      for (const Flow& flow : flows) found += fib.lookup(flow).route != nullptr ? 1U : 0U;
    });
    timed(many_at_once, [&] { fib.lookup(flows, answers); });
  }
  if (found > kRounds * flows.size()) stop("more was found than asked for");  // so that no lookup is optimised away
  const auto rate = [&](Clock::duration spent) {
    return kRounds * static_cast<double>(flows.size()) / std::chrono::duration<double>(spent).count();
  };
  return {.one_by_one = rate(one_by_one), .many_at_once = rate(many_at_once)};
}

void look_up(const std::string& path) {
  const Snapshot snapshot = must(load_snapshot(path));
  const auto start = Clock::now();
  const Fib fib(snapshot);
  const double index = seconds_since(start);
  std::uint32_t state = 1;
  const auto anywhere = [&state] {  // xorshift32: a nanosecond, where a better one would be measured itself
    state ^= state << 13U;
    state ^= state >> 17U;
    return state ^= state << 5U;
  };
  // Within the installed routes, from 16.0.0.0 on, all destinations have a route.
  const auto routed = [&] { return 0x10000000U + anywhere() % (1'000'000U * 256U); };
  const Rates rates = lookup_rates(fib, routed);
  const Rates everywhere = lookup_rates(fib, anywhere);
  fmt::print(
      "{{\"index_seconds\":{:.3f},\"single_per_second\":{:.0f},\"lookups_per_second\":{:.0f},"
      "\"anywhere_per_second\":{:.0f}}}\n",
      index, rates.one_by_one, rates.many_at_once, everywhere.many_at_once);
}

void audit(const std::string& path) {
  constexpr int kPrefixes = 100'000;
  const Snapshot snapshot = must(load_snapshot(path));
  std::mt19937 random(2);
  std::vector<IpPrefix> list;
  for (int i = 0; i < kPrefixes; ++i) {
    IpAddress address;
    for (unsigned byte = 0; byte < 4; ++byte) address.bytes[byte] = static_cast<std::uint8_t>(random());
    list.push_back(IpPrefix::of(address, 12 + static_cast<unsigned>(random() % 20)));
  }
  const auto start = Clock::now();
  const Fib fib(snapshot);
  const CidrAudit result = audit_prefixes(fib, snapshot, {list, "big0"});
  fmt::print("{{\"seconds\":{:.3f},\"inside\":{},\"partial\":{}}}\n", seconds_since(start), result.inside,
             result.partial);
}

template <Snapshot draw()>
void write_drawn(const std::string& path) {
  if (const auto saved = save_snapshot(draw(), path); !saved) stop(saved.error().message);
  fmt::print("{{}}\n");
}

/// What `vpndoctor leaks --from FILE` does, step by step.
void judge_leaks(const std::string& path) {
  constexpr std::uint32_t kUid = 1000;
  auto start = Clock::now();
  const Snapshot snapshot = must(load_snapshot(path));
  const double read = seconds_since(start);
  const long loaded = peak_bytes();
  start = Clock::now();
  const Fib fib(snapshot);
  const double index = seconds_since(start);
  start = Clock::now();
  const Coverage coverage = find_coverage(snapshot, fib, kUid);
  const double covered = seconds_since(start);
  start = Clock::now();
  const auto tunnels = judge_tunnels(snapshot, fib);
  const CheckResults results = check_leaks({.snapshot = snapshot,
                                            .fib = fib,
                                            .uid = kUid,
                                            .tunnels = tunnels,
                                            .coverage = coverage,
                                            .expectation = {},
                                            .before = nullptr});
  fmt::print(
      "{{\"read_seconds\":{:.3f},\"index_seconds\":{:.3f},\"coverage_seconds\":{:.3f},\"checks_seconds\":{:.3f},"
      "\"read_bytes\":{},\"memory_bytes\":{},\"findings\":{}}}\n",
      read, index, covered, seconds_since(start), loaded, peak_bytes(), results.findings.size());
}

}  // namespace
}  // namespace vpndoctor

int main(int argc, char** argv) {
  using namespace vpndoctor;
  const std::map<std::string, std::function<void(const std::string&)>> subjects{
      {"install", install},
      {"bare", receive_bare},
      {"collect", collect},
      {"write", write_file},
      {"read", read_file},
      {"diff", diff},
      {"lookup", look_up},
      {"audit", audit},
      {"draw-full", write_drawn<draw_full_table>},
      {"draw-halves", write_drawn<draw_halves>},
      {"leaks", judge_leaks}};
  const auto found = argc >= 2 ? subjects.find(argv[1]) : subjects.end();
  if (found == subjects.end()) stop("usage: vpndoctor-routes-bench SUBJECT [ARGUMENT]");
  found->second(argc >= 3 ? argv[2] : "");
  return 0;
}
