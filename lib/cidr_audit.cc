// SPDX-License-Identifier: Apache-2.0
// Audits a list: every prefix adds up the pieces of the answers that lie in it, and names those that do not go through
// the tunnel.
#include "vpndoctor/cidr_audit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "cidr_audit_pieces.h"
#include "cidr_audit_surroundings.h"
#include "routing_checks.h"
#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

/// Judges one prefix by the pieces in it.
class PrefixAuditor {
 public:
  PrefixAuditor(const Snapshot& snapshot, std::string_view via) : surroundings_(snapshot), via_(via) {}

  AuditedPrefix audit(const IpPrefix& prefix, const std::vector<Piece>& pieces) {
    result_ = AuditedPrefix{};
    result_.prefix = prefix;
    inside_ = elsewhere_ = nowhere_ = has_own_ = false;
    shares_.clear();
    first_ = AddressNumber::of(prefix.address);
    last_ = AddressNumber::of(prefix.last_address());
    auto piece = std::ranges::lower_bound(pieces, first_, {}, &Piece::last);
    for (; piece != pieces.end() && piece->first <= last_; ++piece) {
      add(*piece, std::max(first_, piece->first), std::min(last_, piece->last));
    }
    end_run();
    finish();
    return std::move(result_);
  }

 private:
  void add(const Piece& piece, const AddressNumber& first, const AddressNumber& last) {
    const int host_bits = static_cast<int>(address_bits(result_.prefix.family()) - result_.prefix.length);
    add_shares(piece, std::ldexp(first.count_to(last), -host_bits));
    if (result_.uncertain.empty()) result_.uncertain = piece.uncertain;
    if (piece.is_own) remember_own(first, last);
    if (piece.is_neutral) return;
    const PieceWay* past = way_past(piece);
    const bool is_inside = goes_in(piece);
    if (past != nullptr) (past->interface.empty() ? nowhere_ : elsewhere_) = true;
    inside_ = inside_ || is_inside;
    if (past != nullptr && is_inside) doubt(*piece.parted);
    if (past != nullptr && run_ != nullptr && run_->way == piece.way && run_->parted == piece.parted) {
      run_last_ = last;
      return;
    }
    end_run();
    if (past != nullptr) begin_run(piece, first, last);
  }

  bool goes_in(const Piece& piece) const {
    if (piece.parted == nullptr) return piece.way.interface == via_;
    return std::ranges::count(piece.parted->ways, via_, &PieceWay::interface) != 0;
  }

  /// How flows leave past the tunnel; null when none do.
  const PieceWay* way_past(const Piece& piece) const {
    if (piece.parted == nullptr) return piece.way.interface == via_ ? nullptr : &piece.way;
    const auto leads_past = [this](const PieceWay& way) { return way.interface != via_; };
    return &*std::ranges::find_if(piece.parted->ways, leads_past);
  }

  void doubt(const PartedWays& parted) {
    if (!result_.uncertain.empty()) return;
    result_.uncertain = parted.decided_by == DependsOn::kHash ? "a flow hash decides between interfaces"
                                                              : "a neighbour's state decides between interfaces";
  }

  void remember_own(const AddressNumber& first, const AddressNumber& last) {
    if (!has_own_ || own_last_.next() != first) own_first_ = first;
    own_last_ = last;
    has_own_ = true;
  }

  bool is_in_own(const AddressNumber& address) const { return own_first_ <= address && address <= own_last_; }

  /// An exception goes on over this machine's own addresses in the middle of a network and at its ends.
  void begin_run(const Piece& piece, const AddressNumber& first, const AddressNumber& last) {
    run_ = &piece;
    run_first_ = first;
    run_last_ = last;
    if (piece.way.route == nullptr || !has_own_ || own_last_.next() != first) return;
    const AddressNumber begin = std::max(first_, AddressNumber::of(piece.way.route->destination.address));
    if (is_in_own(begin)) run_first_ = begin;
  }

  void end_run() {
    if (run_ == nullptr) return;
    if (run_->way.route != nullptr && has_own_ && own_first_ == run_last_.next()) {
      const AddressNumber end = std::min(last_, AddressNumber::of(run_->way.route->destination.last_address()));
      if (is_in_own(end)) run_last_ = end;
    }
    const Family family = result_.prefix.family();
    add_exceptions(*run_, {run_first_.to_address(family), run_last_.to_address(family)});
    run_ = nullptr;
  }

  void add_shares(const Piece& piece, double share) {
    if (piece.parted == nullptr) return add_share(piece.way.interface, share);
    if (piece.parted->decided_by == DependsOn::kNeighbour) {
      result_.undecided_ratio += share;
      return;
    }
    for (const PieceWay& way : piece.parted->ways) add_share(way.interface, share * way.share);
  }

  void add_share(std::string_view interface, double share) {
    const auto found = std::ranges::find(shares_, interface, &std::pair<std::string_view, double>::first);
    if (found != shares_.end()) {
      found->second += share;
    } else {
      shares_.emplace_back(interface, share);
    }
  }

  /// Only the worst are kept, and only these are put into words: a prefix may have a million.
  void add_exceptions(const Piece& piece, const AddressRange& range) {
    const PieceWay& way = *way_past(piece);
    const bool is_some = piece.parted != nullptr && goes_in(piece);
    const bool to_tunnel_end = !is_some && surroundings_.leads_to_tunnel_end(way);
    const bool may_be_end = !is_some && !to_tunnel_end && surroundings_.may_lead_to_tunnel_end(way);
    if (may_be_end && result_.uncertain.empty()) result_.uncertain = surroundings_.unseen_end();
    const bool is_expected = to_tunnel_end || may_be_end || (!is_some && surroundings_.is_own_network(way));
    if (!is_expected) {
      result_.has_unexpected = true;
      result_.leaves_in_clear = result_.leaves_in_clear || surroundings_.leaves_in_clear(way.interface);
    }
    const auto rank = [](const AuditException& each) { return std::pair(each.is_expected, each.prefix.length); };
    std::optional<AuditException> made;
    for (const IpPrefix& part : prefixes_of(range)) {
      ++result_.exceptions_count;
      auto& kept = result_.exceptions;
      if (kept.size() == AuditedPrefix::kMostExceptions) {
        if (rank(kept.back()) <= std::pair(is_expected, part.length)) continue;
        kept.pop_back();
      }
      if (!made) {
        made = exception(way);
        if (is_some) made->decided_by = piece.parted->decided_by;
        made->is_expected = is_expected;
        made->leads_to_tunnel_end = to_tunnel_end;
      }
      kept.insert(std::ranges::upper_bound(kept, std::pair(is_expected, part.length), {}, rank), *made)->prefix = part;
    }
  }

  /// What the route says of an exception.
  AuditException exception(const PieceWay& way) const {
    AuditException made;
    made.interface = std::string(way.interface);
    if (way.route == nullptr) return made;
    made.destination = way.route->destination;
    made.route = joined(route_words(*surroundings_.snapshot().routes, *way.route));
    made.table = way.route->table;
    return made;
  }

  void finish() {
    std::ranges::stable_sort(shares_, std::greater{}, &std::pair<std::string_view, double>::second);
    for (const auto& [interface, share] : shares_) {
      result_.through.push_back({std::string(interface), std::min(share, 1.0)});
    }
    result_.undecided_ratio = std::min(result_.undecided_ratio, 1.0);
    result_.is_only_own = !inside_ && !elsewhere_ && !nowhere_;
    // Nothing but this machine's own addresses: they are delivered here, not through the tunnel.
    if (inside_) {
      result_.status = elsewhere_ || nowhere_ ? PrefixStatus::kPartial : PrefixStatus::kInside;
    } else {
      result_.status = nowhere_ && !elsewhere_ ? PrefixStatus::kUnrouted : PrefixStatus::kOutside;
    }
  }

  Surroundings surroundings_;
  std::string_view via_;
  AuditedPrefix result_;
  AddressNumber first_;  ///< of the prefix
  AddressNumber last_;
  std::vector<std::pair<std::string_view, double>> shares_;
  const Piece* run_ = nullptr;  ///< the exception that is being collected; null: none
  AddressNumber run_first_;
  AddressNumber run_last_;
  bool has_own_ = false;  ///< then the last of this machine's own addresses so far are these
  AddressNumber own_first_;
  AddressNumber own_last_;
  bool inside_ = false;
  bool elsewhere_ = false;
  bool nowhere_ = false;
};

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
  const auto pieces_in = [&](Family family) {
    Flow flow;
    flow.destination = IpPrefix::everything(family).address;
    flow.uid = request.uid;
    return pieces_of(fib, snapshot, audit.aggregated, flow);
  };
  const Pieces inet = pieces_in(Family::kInet);
  const Pieces inet6 = pieces_in(Family::kInet6);
  PrefixAuditor auditor(snapshot, request.interface);
  // A prefix that the list names again has been judged already; else a list of one default, over and over, would take
  // for ever.
  std::map<IpPrefix, std::size_t> judged;
  for (const IpPrefix& prefix : request.list) {
    const auto [known, is_new] = judged.try_emplace(prefix, audit.prefixes.size());
    audit.prefixes.push_back(is_new ? auditor.audit(prefix, (prefix.family() == Family::kInet ? inet : inet6).list)
                                    : audit.prefixes[known->second]);
  }
  add_up(audit);
  return audit;
}

}  // namespace vpndoctor
