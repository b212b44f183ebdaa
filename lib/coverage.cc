// SPDX-License-Identifier: Apache-2.0
// Coverage of the address space: the modes and shares made from a sweep over the tables; see the header.
#include "vpndoctor/coverage.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "address_classes.h"
#include "coverage_exceptions.h"
#include "coverage_ipsec.h"
#include "coverage_sweep.h"
#include "coverage_ways.h"
#include "vpndoctor/text_escape.h"
#include "vpndoctor/xfrm_match.h"

namespace vpndoctor {
namespace {

constexpr int kDoubleBits = 53;

/// A count of addresses as a share of the whole family, rounded down: what is not all is never told as 1.
double share_rounded_down(const AddressNumber& count, Family family) {
  const auto bits = static_cast<int>(address_bits(family));
  const int width = count.high != 0 ? 128 - std::countl_zero(count.high) : 64 - std::countl_zero(count.low);
  const int excess = std::max(0, width - kDoubleBits);
  AddressNumber kept = count;
  for (int i = 0; i < excess; ++i) {
    kept.low = kept.low >> 1U | kept.high << 63U;
    kept.high >>= 1U;
  }
  return std::ldexp(static_cast<double>(kept.low), excess - bits);
}

CoverageMode mode_of(bool has_tunnel, bool has_global_tunnel, bool has_global_outside) {
  if (!has_tunnel) return CoverageMode::kNone;
  return has_global_outside || !has_global_tunnel ? CoverageMode::kSplit : CoverageMode::kFull;
}

/// The mode is known when it is the same whether what is uncertain goes through a tunnel or not.
void put_mode(const Snapshot& snapshot, const CoverageSums& sums, FamilyCoverage& coverage) {
  const bool may_be_tunnel = has_any_tunnel(snapshot);
  const bool uncertain = !sums.why_uncertain.empty();
  const bool global_uncertain = !sums.why_global_uncertain.empty();
  const CoverageMode best =
      mode_of(sums.has_tunnel || (uncertain && may_be_tunnel),
              sums.has_global_tunnel || (global_uncertain && may_be_tunnel), sums.has_global_outside);
  const CoverageMode worst =
      mode_of(sums.has_tunnel, sums.has_global_tunnel, sums.has_global_outside || global_uncertain);
  coverage.mode = best == worst ? best : CoverageMode::kUnknown;
  if (best != worst) coverage.why_unknown = global_uncertain ? sums.why_global_uncertain : sums.why_uncertain;
}

FamilyCoverage unknown(std::string why) {
  FamilyCoverage coverage;
  coverage.why_unknown = coverage.why_uncertain = std::move(why);
  return coverage;
}

FamilyCoverage cover(const Snapshot& snapshot, const Fib& fib, Family family, std::uint32_t uid) {
  if (!snapshot.links) return unknown("the links are not known: " + snapshot.links.why_missing());
  if (!snapshot.routes) return unknown("the routes are not known: " + snapshot.routes.why_missing());
  CoverageSweep sweep(snapshot, family);
  Flow flow;
  flow.destination = IpPrefix::everything(family).address;
  flow.uid = uid;
  fib.for_each_range(flow, IpPrefix::everything(family),
                     [&](const IpAddress& first, const IpAddress& last, const FlowAnswer& answer) {
                       sweep.add({first, last}, answer, flow);
                     });
  sweep.finish();
  FamilyCoverage coverage;
  const CoverageSums& sums = sweep.sums();
  put_mode(snapshot, sums, coverage);
  if (sums.has_tunnel) coverage.tunnel_share = share_rounded_down(sums.in_tunnel, family);
  coverage.why_uncertain = sums.why_uncertain;
  coverage.parts = sweep.take_parts();
  for (const auto& [tunnel, part] : coverage.parts) coverage.tunnels.push_back(tunnel);
  coverage.outside = sweep.outside().take_prefixes();
  coverage.is_cut = sweep.outside().is_cut();
  coverage.outside_ways = sweep.outside().take_ways();
  coverage.outside_routes = sweep.take_outside_routes();
  coverage.exceptions = sweep.take_parted();
  const Samples samples{sums.global_in_tunnel.address, sums.global_outside.address};
  for (const RuleException& each : find_rule_exceptions(snapshot, fib, family, uid, samples)) {
    coverage.exceptions.push_back(each.text());
  }
  std::ranges::move(find_ipsec_exceptions(snapshot, family), std::back_inserter(coverage.exceptions));
  return coverage;
}

/// What IPsec does to a packet that would leave in clear.
void put_ipsec(const Snapshot& snapshot, const Flow& flow, PacketPath& path) {
  if (snapshot.xfrm) {
    const XfrmAnswer answer = find_xfrm_fate(*snapshot.xfrm, flow, path.interface);
    if (answer.fate == XfrmFate::kTaken || answer.fate == XfrmFate::kBlocked) {
      path.way = PacketWay::kTunnel;
      path.interface = {};
      return;
    }
    if (answer.fate == XfrmFate::kUnknown) path.why = answer.why;
  }
  if (path.why.empty()) path.why = hidden_ipsec(snapshot);
  if (!path.why.empty()) path.way = PacketWay::kUnknown;
}

}  // namespace

const char* address_class_name(AddressClass address_class) {
  constexpr std::array kNames = {"lan",    "link_local", "multicast", "vpn_server",    "private",
                                 "public", "cgnat",      "loopback",  "documentation", "nat64"};
  return kNames[static_cast<std::size_t>(address_class)];
}

const char* coverage_mode_name(CoverageMode mode) {
  constexpr std::array kNames = {"full", "split", "none", "unknown"};
  return kNames[static_cast<std::size_t>(mode)];
}

PacketPath packet_path(const Snapshot& snapshot, const Fib& fib, const Flow& flow) {
  PacketPath path;
  if (!snapshot.links || !snapshot.routes) {
    const std::string& why = snapshot.links ? snapshot.routes.why_missing() : snapshot.links.why_missing();
    path.why = fmt::format("the {} are not known: {}", snapshot.links ? "routes" : "links", why);
    return path;
  }
  const FlowAnswer answer = fib.lookup(flow);
  WayFinder ways(snapshot);
  const AnswerWay way = ways.find(answer);
  path = {.way = way.way, .interface = way.interface, .why = {}, .route = way.route};
  if (!answer.uncertain.empty()) {
    path.way = PacketWay::kUnknown;
    path.why = answer.uncertain;
  } else if (!way.doubt.empty()) {
    path.way = PacketWay::kUnknown;
    path.why = way.doubt;
  } else if (way.parted_by != DependsOn::kNothing) {
    path.way = PacketWay::kUnknown;
    path.why = fmt::format("{} decides whether it goes through {}",
                           way.parted_by == DependsOn::kHash ? "a hash of each flow" : "whether a router answers",
                           escape_controls(way.tunnel.empty() ? way.interface : way.tunnel));
  } else if (way.way == PacketWay::kNowhere) {
    path.why = why_nowhere(answer);
  } else if (way.way == PacketWay::kOutside) {
    Flow routed = flow;
    if (!routed.source) routed.source = answer.source;
    put_ipsec(snapshot, routed, path);
  }
  return path;
}

Coverage find_coverage(const Snapshot& snapshot, const Fib& fib, std::uint32_t uid) {
  return {.inet = cover(snapshot, fib, Family::kInet, uid), .inet6 = cover(snapshot, fib, Family::kInet6, uid)};
}

AddressClass classify(const Snapshot& snapshot, const IpAddress& address) {
  return AddressClasses(snapshot, address.family).of(AddressNumber::of(address)).address_class;
}

}  // namespace vpndoctor
