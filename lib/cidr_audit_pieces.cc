// SPDX-License-Identifier: Apache-2.0
// One sweep over the answers for every destination, beside the aggregated list: both come in ascending order.
#include "cidr_audit_pieces.h"

#include <algorithm>
#include <utility>

#include "flow_fate.h"

namespace vpndoctor {
namespace {

bool is_own(FlowFate fate) {
  return fate == FlowFate::kLocal || fate == FlowFate::kBroadcast || fate == FlowFate::kAnycast;
}

/// The weight of the leg; the ways of an IPv6 lookup do not tell it.
double weight_of(const RouteTable* routes, const FlowWay& way) {
  if (routes == nullptr || way.route == nullptr) return way.weight;
  const std::vector<NextHop>& hops = routes->hops(*way.route);
  const auto leg = std::ranges::find_if(
      hops, [&way](const NextHop& hop) { return hop.interface == way.interface && hop.gateway == way.gateway; });
  return leg == hops.end() ? way.weight : leg->weight;
}

/// The ways by interface; one alone when they all leave by the same.
PartedWays ways_of(const RouteTable* routes, const FlowAnswer& answer) {
  PartedWays parted{.decided_by = answer.depends_on, .ways = {}};
  double weights = 0;
  for (const FlowWay& way : answer.candidates) weights += weight_of(routes, way);
  for (const FlowWay& way : answer.candidates) {
    const bool is_known = answer.depends_on == DependsOn::kHash && weights > 0;
    const double share = is_known ? weight_of(routes, way) / weights : 0;
    const auto found = std::ranges::find(parted.ways, way.interface, &PieceWay::interface);
    if (found != parted.ways.end()) {
      found->share += share;
    } else {
      parted.ways.push_back({way.interface, way.route != nullptr ? way.route : answer.route, share});
    }
  }
  return parted;
}

class Sweep {
 public:
  Sweep(const RouteTable* routes, const std::vector<IpPrefix>& aggregated, Family family) : routes_(routes) {
    for (const IpPrefix& prefix : aggregated) {
      if (prefix.family() != family) continue;
      wanted_.emplace_back(AddressNumber::of(prefix.address), AddressNumber::of(prefix.last_address()));
    }
  }

  bool is_needed() const { return !wanted_.empty(); }

  void visit(const IpAddress& first, const IpAddress& last, const FlowAnswer& answer) {
    const AddressNumber end = AddressNumber::of(last);
    while (at_ < wanted_.size() && wanted_[at_].second < AddressNumber::of(first)) ++at_;
    if (at_ == wanted_.size() || wanted_[at_].first > end) return;
    const Piece piece = piece_of(AddressNumber::of(first), end, answer);
    std::vector<Piece>& list = pieces_.list;
    if (!list.empty() && list.back().goes_on_as(piece)) {
      list.back().last = piece.last;
    } else {
      list.push_back(piece);
    }
  }

  Pieces take() { return std::move(pieces_); }

 private:
  Piece piece_of(const AddressNumber& first, const AddressNumber& last, const FlowAnswer& answer) {
    const bool leaves = answer.fate == FlowFate::kUnicast || is_no_way_out(answer.fate);
    Piece piece{.first = first,
                .last = last,
                .way = {leaves ? answer.interface : std::string_view{}, answer.route},
                .uncertain = answer.uncertain,
                .is_own = is_own(answer.fate),
                .is_neutral = is_no_way_out(answer.fate)};
    if (answer.candidates.size() < 2 || answer.fate != FlowFate::kUnicast) return piece;
    PartedWays parted = ways_of(routes_, answer);
    if (parted.ways.size() > 1) piece.parted = &*pieces_.parted.insert(std::move(parted)).first;
    return piece;
  }

  const RouteTable* routes_;  ///< null: not known
  std::vector<std::pair<AddressNumber, AddressNumber>> wanted_;
  std::size_t at_ = 0;
  Pieces pieces_;
};

}  // namespace

Pieces pieces_of(const Fib& fib, const Snapshot& snapshot, const std::vector<IpPrefix>& aggregated, const Flow& flow) {
  const Family family = flow.destination.family;
  Sweep sweep(snapshot.routes.get(), aggregated, family);
  if (!sweep.is_needed()) return {};
  fib.for_each_range(flow, IpPrefix::everything(family),
                     [&sweep](const IpAddress& first, const IpAddress& last, const FlowAnswer& answer) {
                       sweep.visit(first, last, answer);
                     });
  return sweep.take();
}

}  // namespace vpndoctor
