// SPDX-License-Identifier: Apache-2.0
// Audits a list in one sweep over the answers for every destination: the answers are cut to what the list covers and
// joined where neighbours go the same way; every prefix then adds up the pieces that lie in it.
#include "vpndoctor/cidr_audit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "address_number.h"
#include "flow_fate.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

/// Consecutive destinations that one route takes one way.
struct Piece {
  AddressNumber first;
  AddressNumber last;
  std::string_view interface;  ///< empty: nowhere
  const Route* route = nullptr;
  std::string_view uncertain;
  bool is_neutral = false;  ///< this machine's own addresses, broadcast, multicast: nobody expects them in a tunnel

  bool goes_on_as(const Piece& next) const {
    return interface == next.interface && route == next.route && uncertain == next.uncertain &&
           is_neutral == next.is_neutral && last.next() == next.first;
  }
};

/// Legs through several interfaces: which one a packet takes is not in the tables.
std::string_view why_uncertain(const FlowAnswer& answer) {
  const bool differ = std::ranges::any_of(answer.candidates,
                                          [&answer](const FlowWay& way) { return way.interface != answer.interface; });
  if (!differ) return answer.uncertain;
  return answer.depends_on == DependsOn::kHash ? "a flow hash decides between interfaces"
                                               : "a neighbour's state decides between interfaces";
}

/// Collects the pieces of one family that overlap the aggregated list; both come in ascending order.
class Sweep {
 public:
  Sweep(const std::vector<IpPrefix>& aggregated, Family family) {
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
    const bool leaves = answer.fate == FlowFate::kUnicast || is_no_way_out(answer.fate);
    const Piece piece{.first = AddressNumber::of(first),
                      .last = end,
                      .interface = leaves ? answer.interface : std::string_view{},
                      .route = answer.route,
                      .uncertain = why_uncertain(answer),
                      .is_neutral = is_no_way_out(answer.fate)};
    if (!pieces_.empty() && pieces_.back().goes_on_as(piece)) {
      pieces_.back().last = piece.last;
    } else {
      pieces_.push_back(piece);
    }
  }

  std::vector<Piece> take() { return std::move(pieces_); }

 private:
  std::vector<std::pair<AddressNumber, AddressNumber>> wanted_;
  std::size_t at_ = 0;
  std::vector<Piece> pieces_;
};

/// Judges one prefix by the pieces in it.
class PrefixAuditor {
 public:
  PrefixAuditor(const Snapshot& snapshot, std::string_view via) : snapshot_(snapshot), via_(via) {}

  AuditedPrefix audit(const IpPrefix& prefix, const std::vector<Piece>& pieces) {
    result_ = AuditedPrefix{};
    result_.prefix = prefix;
    inside_ = elsewhere_ = nowhere_ = false;
    shares_.clear();
    const AddressNumber first = AddressNumber::of(prefix.address);
    const AddressNumber last = AddressNumber::of(prefix.last_address());
    auto piece = std::ranges::lower_bound(pieces, first, {}, &Piece::last);
    for (; piece != pieces.end() && piece->first <= last; ++piece) {
      add(*piece, std::max(first, piece->first), std::min(last, piece->last));
    }
    end_run();
    finish();
    return std::move(result_);
  }

 private:
  void add(const Piece& piece, const AddressNumber& first, const AddressNumber& last) {
    const int host_bits = static_cast<int>(address_bits(result_.prefix.family()) - result_.prefix.length);
    add_share(piece.interface, std::ldexp(first.count_to(last), -host_bits));
    if (result_.uncertain.empty()) result_.uncertain = piece.uncertain;
    if (piece.is_neutral) return;
    if (run_ != nullptr && run_->interface == piece.interface && run_->route == piece.route) {
      run_last_ = last;
      return;
    }
    end_run();
    if (piece.interface == via_) {
      inside_ = true;
      return;
    }
    (piece.interface.empty() ? nowhere_ : elsewhere_) = true;
    run_ = &piece;
    run_first_ = first;
    run_last_ = last;
  }

  /// An exception goes on over this machine's own address in the middle of a network.
  void end_run() {
    const Family family = result_.prefix.family();
    if (run_ != nullptr) add_exceptions(*run_, {run_first_.to_address(family), run_last_.to_address(family)});
    run_ = nullptr;
  }

  void add_share(std::string_view interface, double share) {
    const auto found = std::ranges::find(shares_, interface, &std::pair<std::string_view, double>::first);
    if (found != shares_.end()) {
      found->second += share;
    } else {
      shares_.emplace_back(interface, share);
    }
  }

  /// Only the largest are kept: a prefix may have a million.
  void add_exceptions(const Piece& piece, const AddressRange& range) {
    const bool is_expected = expected(piece);
    result_.has_unexpected = result_.has_unexpected || !is_expected;
    for (const IpPrefix& part : prefixes_of(range)) {
      ++result_.exceptions_count;
      auto& kept = result_.exceptions;
      if (kept.size() == AuditedPrefix::kMostExceptions) {
        if (kept.back().prefix.length <= part.length) continue;
        kept.pop_back();
      }
      const auto later = std::ranges::upper_bound(kept, part.length, {},
                                                  [](const AuditException& each) { return each.prefix.length; });
      kept.insert(later, exception(part, piece, is_expected));
    }
  }

  AuditException exception(const IpPrefix& part, const Piece& piece, bool is_expected) const {
    AuditException made{.prefix = part, .interface = std::string(piece.interface), .route = {}, .table = 0};
    made.is_expected = is_expected;
    if (piece.route == nullptr) return made;
    made.route = joined(route_words(*snapshot_.routes, *piece.route));
    made.table = piece.route->table;
    return made;
  }

  /// A link's own network stays on the link, and the tunnel's outer packets cannot go through the tunnel.
  bool expected(const Piece& piece) const {
    if (piece.route == nullptr || piece.interface.empty()) return false;
    if (piece.route->protocol == kProtocolKernel) return !is_tunnel_here(piece.interface);
    if (!piece.route->destination.is_host() || !snapshot_.tunnels) return false;
    return std::ranges::any_of(*snapshot_.tunnels, [&piece](const Tunnel& tunnel) {
      return std::ranges::count(tunnel.endpoints, piece.route->destination.address, &OuterEndpoint::address) != 0;
    });
  }

  bool is_tunnel_here(std::string_view interface) const {
    const auto [known, is_new] = tunnels_.try_emplace(interface, false);
    if (is_new) known->second = is_tunnel(snapshot_, interface);
    return known->second;
  }

  void finish() {
    std::ranges::stable_sort(shares_, std::greater{}, &std::pair<std::string_view, double>::second);
    for (const auto& [interface, share] : shares_) {
      result_.through.push_back({std::string(interface), std::min(share, 1.0)});
    }
    // Nothing but this machine's own addresses: they are delivered here, not through the tunnel.
    if (inside_) {
      result_.status = elsewhere_ || nowhere_ ? PrefixStatus::kPartial : PrefixStatus::kInside;
    } else {
      result_.status = nowhere_ && !elsewhere_ ? PrefixStatus::kUnrouted : PrefixStatus::kOutside;
    }
  }

  const Snapshot& snapshot_;
  std::string_view via_;
  AuditedPrefix result_;
  mutable std::map<std::string_view, bool> tunnels_;
  std::vector<std::pair<std::string_view, double>> shares_;
  const Piece* run_ = nullptr;  ///< the exception that is being collected; null: none
  AddressNumber run_first_;
  AddressNumber run_last_;
  bool inside_ = false;
  bool elsewhere_ = false;
  bool nowhere_ = false;
};

std::vector<Piece> pieces_of(const Fib& fib, const CidrAudit& audit, Family family, std::uint32_t uid) {
  Sweep sweep(audit.aggregated, family);
  if (!sweep.is_needed()) return {};
  Flow flow;
  flow.destination = IpPrefix::everything(family).address;
  flow.uid = uid;
  fib.for_each_range(flow, IpPrefix::everything(family),
                     [&sweep](const IpAddress& first, const IpAddress& last, const FlowAnswer& answer) {
                       sweep.visit(first, last, answer);
                     });
  return sweep.take();
}

void add_up(CidrAudit& audit) {
  for (const AuditedPrefix& each : audit.prefixes) {
    switch (each.status) {
      case PrefixStatus::kInside:
        ++audit.inside;
        break;
      case PrefixStatus::kOutside:
        ++audit.outside;
        break;
      case PrefixStatus::kPartial:
        ++audit.partial;
        break;
      case PrefixStatus::kUnrouted:
        ++audit.unrouted;
        break;
    }
  }
}

}  // namespace

const char* prefix_status_name(PrefixStatus status) {
  switch (status) {
    case PrefixStatus::kInside:
      return "inside";
    case PrefixStatus::kOutside:
      return "outside";
    case PrefixStatus::kPartial:
      return "partial";
    case PrefixStatus::kUnrouted:
      break;
  }
  return "unrouted";
}

CidrAudit audit_prefixes(const Fib& fib, const Snapshot& snapshot, const AuditRequest& request) {
  CidrAudit audit;
  audit.interface = request.interface;
  audit.aggregated = aggregate(request.list);
  const std::vector<Piece> inet = pieces_of(fib, audit, Family::kInet, request.uid);
  const std::vector<Piece> inet6 = pieces_of(fib, audit, Family::kInet6, request.uid);
  PrefixAuditor auditor(snapshot, request.interface);
  // A prefix that the list names again has been judged already; else a list of one default, over and over, would take
  // for ever.
  std::map<IpPrefix, std::size_t> judged;
  for (const IpPrefix& prefix : request.list) {
    const auto [known, is_new] = judged.try_emplace(prefix, audit.prefixes.size());
    audit.prefixes.push_back(is_new ? auditor.audit(prefix, prefix.family() == Family::kInet ? inet : inet6)
                                    : audit.prefixes[known->second]);
  }
  add_up(audit);
  return audit;
}

}  // namespace vpndoctor
