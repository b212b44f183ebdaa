// SPDX-License-Identifier: Apache-2.0
// The sweep; see the header.
#include "coverage_sweep.h"

#include <fmt/format.h>

#include <algorithm>

#include "vpn_leftovers.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostParted = 16;
constexpr std::string_view kTooManyPolicies = "there are too many IPsec policies and ways out to look at them all";

AddressNumber sum(const AddressNumber& left, const AddressNumber& right) {
  const std::uint64_t low = left.low + right.low;
  return {left.high + right.high + (low < left.low ? 1U : 0U), low};
}

std::optional<std::uint8_t> protocol_of(const Route* route) {
  return route == nullptr ? std::nullopt : std::optional(route->protocol);
}

bool is_limited_broadcast(const CoverageRun& run) {
  constexpr AddressNumber kLast{0, UINT32_MAX};
  return run.is_broadcast && run.first == kLast;
}

/// True when both are one way; a broadcast address goes with the network that it is of, whoever made its route, and the
/// last address of all, which never leaves a link, with the space before it.
bool is_one_way(const CoverageRun& left, const CoverageRun& right) {
  if (is_limited_broadcast(right)) return true;
  const bool same = left.way == right.way && left.interface == right.interface && left.gateway == right.gateway &&
                    left.uncertain == right.uncertain && left.is_parted == right.is_parted;
  return same && (left.protocol == right.protocol || left.is_broadcast || right.is_broadcast);
}

/// The network of a link, as a route without a gateway says; own addresses within it are its parts.
bool is_on_link(const CoverageRun& run, const Route* route) {
  return run.way == PacketWay::kOutside && !run.gateway && route != nullptr && !route->destination.is_default();
}

bool is_proxied(const Tunnel& tunnel) {
  return std::ranges::any_of(tunnel.endpoints, [](const OuterEndpoint& end) { return end.address.is_loopback(); });
}

void keep_largest(Largest& largest, const AddressNumber& first, const AddressNumber& last, Family family) {
  const double size = first.count_to(last);
  if (size <= largest.size) return;
  largest.size = size;
  // Not the first one, which is often a network's own.
  AddressNumber half = last - first;
  half.low = half.low >> 1U | half.high << 63U;
  half.high >>= 1U;
  largest.address = sum(first, half).to_address(family);
}

}  // namespace

bool has_any_tunnel(const Snapshot& snapshot) {
  const auto is_one = [&](const Link& link) { return is_tunnel(snapshot, link.name); };
  const bool has_link = std::ranges::any_of(*snapshot.links, is_one);
  return has_link || !hidden_ipsec(snapshot).empty() || (snapshot.xfrm && !snapshot.xfrm->policies.empty());
}

std::string find_unseen_end(const Snapshot& snapshot) {
  const auto is_one = [&](const Link& link) { return is_tunnel(snapshot, link.name); };
  if (!snapshot.links || std::ranges::none_of(*snapshot.links, is_one)) return {};
  if (!snapshot.tunnels) return "the other ends of the tunnels are not known: " + snapshot.tunnels.why_missing();
  for (const Tunnel& tunnel : *snapshot.tunnels) {
    const Link* link = snapshot.find_link(tunnel.interface);
    if (link != nullptr && is_dead_tunnel(snapshot, *link)) continue;
    const std::string name = escape_controls(tunnel.interface);
    if (is_proxied(tunnel)) return fmt::format("{} goes by a proxy on this machine, whose server is not known", name);
    if (!tunnel.endpoints.empty() || tunnel.not_seen.empty()) continue;
    return fmt::format("the other end of {} is not known: {}", name, tunnel.not_seen);
  }
  return {};
}

namespace {

/// Without those that are within others: disjoint, ascending.
std::vector<IpPrefix> outermost(std::vector<IpPrefix> networks) {
  std::ranges::sort(networks);
  std::vector<IpPrefix> kept;
  for (const IpPrefix& each : networks) {
    if (kept.empty() || !kept.back().contains(each.address)) kept.push_back(each);
  }
  return kept;
}

}  // namespace

CoverageSweep::CoverageSweep(const Snapshot& snapshot, Family family)
    : family_(family),
      classes_(snapshot, family),
      ipsec_(snapshot, family),
      ways_(snapshot),
      unseen_end_(find_unseen_end(snapshot)),
      outside_(family) {
  if (has_any_tunnel(snapshot) && snapshot.routes) routes_.emplace(*snapshot.routes, classes_, family);
  if (!snapshot.addresses) return;
  for (const Address& address : *snapshot.addresses) {
    if (address.address.family == family) own_networks_[address.interface].push_back(address.on_link());
  }
  for (auto& [interface, networks] : own_networks_) networks = outermost(std::move(networks));
}

void CoverageSweep::add(const AddressRange& range, const FlowAnswer& answer, const Flow& flow) {
  const AnswerWay way = ways_.find(answer);
  CoverageRun run{.first = AddressNumber::of(range.first),
                  .last = AddressNumber::of(range.last),
                  .way = way.way,
                  .interface = way.interface,
                  .gateway = way.gateway,
                  .protocol = protocol_of(way.route),
                  .uncertain = answer.uncertain.empty() ? way.doubt : answer.uncertain,
                  .is_parted = way.parted_by != DependsOn::kNothing,
                  .is_broadcast = answer.fate == FlowFate::kBroadcast,
                  .reach = {}};
  if (run.way == PacketWay::kHere && answer.fate != FlowFate::kUnicast) return pass_own(run.first, run.last);
  if (run.is_parted) note_parted(range, way);
  if (run.way == PacketWay::kTunnel) note_shared(range, answer);
  if (run.way != PacketWay::kOutside) return add_run(run, way.route);
  doubt_end(run, way.route);
  if (ipsec_.is_empty()) {
    if (run.uncertain.empty()) run.uncertain = ipsec_.why_unknown();
    return add_run(run, way.route);
  }
  Flow routed = flow;
  routed.source = answer.source;
  add_ipsec(run, way.route, routed);
}

/// Cuts the run where another policy decides.
void CoverageSweep::add_ipsec(const CoverageRun& run, const Route* route, const Flow& flow) {
  const std::vector<IpsecPart>& parts = ipsec_.parts(flow, run.interface);
  if (parts.empty()) {
    CoverageRun doubted = run;
    doubted.uncertain = kTooManyPolicies;
    return add_run(doubted, route);
  }
  auto part = std::prev(std::ranges::upper_bound(parts, run.first, {}, &IpsecPart::first));
  for (AddressNumber first = run.first;; ++part) {
    const auto next = std::next(part);
    const bool is_last = next == parts.end() || next->first > run.last;
    CoverageRun piece = run;
    piece.first = first;
    piece.last = is_last ? run.last : next->first - AddressNumber{0, 1};
    if (part->fate == XfrmFate::kTaken || part->fate == XfrmFate::kBlocked) {
      piece.way = part->fate == XfrmFate::kTaken ? PacketWay::kTunnel : PacketWay::kNowhere;
      piece.interface = {};
      piece.gateway.reset();
      piece.protocol.reset();
    } else if (part->fate == XfrmFate::kUnknown) {
      piece.uncertain = part->why;
    } else if (piece.uncertain.empty()) {
      piece.uncertain = ipsec_.why_unknown();
    }
    add_run(piece, route);
    if (is_last) return;
    first = next->first;
  }
}

/// A host route by a gateway may be that to a tunnel's other end, where one is not known.
void CoverageSweep::doubt_end(CoverageRun& run, const Route* route) {
  if (unseen_end_.empty() || !run.uncertain.empty() || !run.gateway || route == nullptr) return;
  if (!route->destination.is_host() || route->protocol == kProtocolDhcp) return;
  if (classes_.of(run.first).is_global) run.uncertain = unseen_end_;
}

void CoverageSweep::note_parted(const AddressRange& range, const AnswerWay& way) {
  if (way.tunnel.empty()) return;
  sums_.has_tunnel = true;
  parts_.try_emplace(std::string(way.tunnel));
  note_range(way.tunnel, range);
  if (parted_.size() == kMostParted) return;
  const char* decider = way.parted_by == DependsOn::kHash ? "a hash of each flow" : "whether a router answers";
  const std::string other = way.interface.empty() ? "go nowhere" : fmt::format("leave by {}", way.interface);
  parted_.push_back(fmt::format("packets to {} to {} {} or go through {}: {} decides", range.first, range.last,
                                escape_controls(other), escape_controls(way.tunnel), decider));
}

/// Tunnels that share a route: a hash of each flow decides between them.
void CoverageSweep::note_shared(const AddressRange& range, const FlowAnswer& answer) {
  if (!answer.uncertain.empty()) return;
  for (const FlowWay& way : answer.candidates) {
    const bool is_other = way.interface != answer.interface && ways_.through(way.interface) == PacketWay::kTunnel;
    if (is_other) note_range(way.interface, range);
  }
}

void CoverageSweep::note_range(std::string_view tunnel, const AddressRange& range) {
  const std::vector<ClassRange>& ranges = classes_.ranges();
  const AddressNumber first = AddressNumber::of(range.first);
  const AddressNumber last = AddressNumber::of(range.last);
  for (auto at = std::ranges::lower_bound(ranges, first, {}, &ClassRange::last); at != ranges.end(); ++at) {
    if (at->first > last) break;
    ClassRange part = *at;
    part.first = std::max(part.first, first);
    part.last = std::min(part.last, last);
    if (!is_fixed_class(part.address_class)) note_part(tunnel, part);
  }
}

void CoverageSweep::note_part(std::string_view tunnel, const ClassRange& part) {
  auto found = parts_.find(tunnel);
  if (found == parts_.end()) found = parts_.emplace(tunnel, TunnelPart{}).first;
  TunnelPart& noted = found->second;
  noted.has_global = noted.has_global || part.is_global;
  noted.has_beyond_own = noted.has_beyond_own || !is_own(tunnel, part);
}

/// True when the networks of the tunnel's own addresses have all of it.
bool CoverageSweep::is_own(std::string_view tunnel, const ClassRange& part) const {
  const auto networks = own_networks_.find(tunnel);
  if (networks == own_networks_.end()) return false;
  const auto last_of = [](const IpPrefix& network) { return AddressNumber::of(network.last_address()); };
  AddressNumber next = part.first;
  for (auto at = std::ranges::lower_bound(networks->second, next, {}, last_of); at != networks->second.end(); ++at) {
    if (AddressNumber::of(at->address) > next) return false;
    if (last_of(*at) >= part.last) return true;
    next = last_of(*at).next();
  }
  return false;
}

void CoverageSweep::pass_own(const AddressNumber& first, const AddressNumber& last) {
  // Loopback is part of no network, whatever route is around it.
  if (family_ == Family::kInet && classes_.of(first).address_class == AddressClass::kLoopback) {
    has_own_ = false;
    return;
  }
  if (!has_own_ || own_last_.next() != first) own_first_ = first;
  own_last_ = last;
  has_own_ = true;
}

/// The addresses of this machine itself in a network of a link belong to the network before them, or to the one behind.
void CoverageSweep::settle_own(CoverageRun& next, const Route* route) {
  has_own_ = false;
  if (run_ && run_->last.next() == own_first_ && run_->reach >= own_first_) {
    run_->last = std::min(own_last_, run_->reach);
    if (run_->last == own_last_) return;
    own_first_ = run_->last.next();
  }
  if (own_last_.next() != next.first) return;
  constexpr AddressNumber kLoopback6{0, 1};
  if (next.way == PacketWay::kOutside && own_first_ == AddressNumber{} && own_last_ <= kLoopback6) {
    next.first = own_first_;
    next.has_start = true;
  }
  if (!is_on_link(next, route)) return;
  const AddressNumber begin = std::max(own_first_, AddressNumber::of(route->destination.address));
  if (begin <= own_last_) next.first = begin;
}

void CoverageSweep::add_run(CoverageRun run, const Route* route) {
  if (routes_ && route != nullptr && run.way == PacketWay::kOutside) routes_->add(run.first, run.last, *route);
  if (has_own_) settle_own(run, route);
  if (is_on_link(run, route)) run.reach = AddressNumber::of(route->destination.last_address());
  if (run_ && run_->last.next() == run.first && is_one_way(*run_, run)) {
    run_->last = run.last;
    run_->reach = run.reach;
    if (run_->is_broadcast) run_->protocol = run.protocol;
    run_->is_broadcast = run_->is_broadcast && run.is_broadcast;
    return;
  }
  if (run_) close(*run_);
  run_ = run;
}

void CoverageSweep::finish() {
  CoverageRun none;
  if (has_own_) settle_own(none, nullptr);
  if (run_) close(*run_);
  run_.reset();
  outside_.finish();
}

void CoverageSweep::close(const CoverageRun& run) {
  const std::vector<ClassRange>& ranges = classes_.ranges();
  while (ranges[class_at_].last < run.first) ++class_at_;
  for (std::size_t at = class_at_; at < ranges.size() && ranges[at].first <= run.last; ++at) {
    ClassRange part = ranges[at];
    part.first = std::max(part.first, run.first);
    part.last = std::min(part.last, run.last);
    if (run.has_start && part.address_class == AddressClass::kLoopback) part.address_class = AddressClass::kPrivate;
    close_part(run, part);
  }
}

void CoverageSweep::note_uncertain(const CoverageRun& run, bool is_global) {
  if (sums_.why_uncertain.empty()) sums_.why_uncertain = run.uncertain;
  if (is_global && sums_.why_global_uncertain.empty()) sums_.why_global_uncertain = run.uncertain;
}

void CoverageSweep::close_part(const CoverageRun& run, const ClassRange& part) {
  // What means something on one link alone says nothing of where a family's traffic goes.
  const bool counts = !is_fixed_class(part.address_class);
  const bool is_sure = run.uncertain.empty();
  if (!is_sure && counts) note_uncertain(run, part.is_global);
  if (run.way == PacketWay::kTunnel && is_sure) {
    sums_.in_tunnel = sum(sums_.in_tunnel, (part.last - part.first).next());
    sums_.has_global_tunnel = sums_.has_global_tunnel || part.is_global;
    if (counts) sums_.has_tunnel = true;
    if (counts) note_part(run.interface.empty() ? "ipsec" : run.interface, part);
    if (part.is_global) keep_largest(sums_.global_in_tunnel, part.first, part.last, family_);
  }
  if (run.way != PacketWay::kOutside) return;
  if (part.is_global && is_sure) {
    sums_.has_global_outside = true;
    keep_largest(sums_.global_outside, part.first, part.last, family_);
  }
  add_row(run, part);
}

void CoverageSweep::add_row(const CoverageRun& run, const ClassRange& part) {
  outside_.add(part.first, part.last,
               {.prefix = {},
                .address_class = part.address_class,
                .interface = std::string(run.interface),
                .gateway = run.gateway,
                .protocol = run.protocol});
}

}  // namespace vpndoctor
