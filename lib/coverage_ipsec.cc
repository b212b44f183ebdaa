// SPDX-License-Identifier: Apache-2.0
// Flattens selectors by one sweep over their edges; see the header.
#include "coverage_ipsec.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostContexts = 64;
constexpr std::string_view kDepends = "an IPsec policy takes packets of some source addresses or message types only";
constexpr std::string_view kStatesDecide = "an IPsec policy lets packets go in clear while it has no usable state";

/// The policies that may take packets to the destinations at hand, by their place in the order of being asked.
class Asked {
 public:
  void begin(std::size_t place) { active_.insert(place); }
  void end(std::size_t place) { active_.erase(place); }
  const std::set<std::size_t>& places() const { return active_; }

 private:
  std::set<std::size_t> active_;
};

struct Candidate {
  const XfrmPolicy* policy = nullptr;
  XfrmMatch match = XfrmMatch::kNo;
};

struct Edge {
  AddressNumber at;
  std::size_t place = 0;
  bool is_begin = false;
};

IpsecPart decide(const OutgoingXfrm& outgoing, const std::vector<Candidate>& candidates, const Asked& asked) {
  IpsecPart part;
  bool is_open = false;  // a policy that may or may not match has been met
  const auto add = [&](XfrmFate fate) {
    if (is_open && fate != part.fate) {
      part.fate = XfrmFate::kUnknown;
      part.why = kDepends;
    } else if (!is_open) {
      part.fate = fate;
      part.why = fate == XfrmFate::kUnknown ? kStatesDecide : std::string_view{};
    }
  };
  for (const std::size_t place : asked.places()) {
    add(outgoing.fate_of(*candidates[place].policy));
    if (candidates[place].match == XfrmMatch::kYes || part.fate == XfrmFate::kUnknown) return part;
    is_open = true;
  }
  add(outgoing.default_fate());
  return part;
}

std::vector<Edge> edges_of(const std::vector<Candidate>& candidates) {
  std::vector<Edge> edges;
  for (std::size_t place = 0; place < candidates.size(); ++place) {
    const IpPrefix& prefix = candidates[place].policy->destination;
    edges.push_back({AddressNumber::of(prefix.address), place, true});
    const IpAddress last = prefix.last_address();
    if (last != IpPrefix::everything(prefix.family()).last_address()) {
      edges.push_back({AddressNumber::of(last).next(), place, false});
    }
  }
  std::ranges::sort(edges, {}, &Edge::at);
  return edges;
}

}  // namespace

std::string hidden_ipsec(const Snapshot& snapshot) {
  if (snapshot.xfrm.is_complete() || !snapshot.vpn_signs) return {};
  const auto is_sign = [](const VpnSign& sign) {
    return sign.kind == VpnSignKind::kIpsecSocket || sign.kind == VpnSignKind::kXfrmCounters;
  };
  const auto sign = std::ranges::find_if(*snapshot.vpn_signs, is_sign);
  if (sign == snapshot.vpn_signs->end()) return {};
  const std::string why = snapshot.xfrm ? snapshot.xfrm.limits().front() : snapshot.xfrm.why_missing();
  return fmt::format("IPsec is in use ({}: {}), and its policies are not known: {}",
                     sign->name.empty() ? "a process that is not known" : escape_controls(sign->name),
                     escape_controls(sign->text), why);
}

IpsecRanges::IpsecRanges(const Snapshot& snapshot, Family family) : why_unknown_(hidden_ipsec(snapshot)) {
  if (!snapshot.xfrm) return;
  outgoing_.emplace(*snapshot.xfrm);
  default_fate_ = outgoing_->default_fate();
  const auto policies = outgoing_->policies(family);
  policies_.assign(policies.begin(), policies.end());
}

const std::vector<IpsecPart>& IpsecRanges::parts(const Flow& flow, std::string_view interface) {
  static const std::vector<IpsecPart> kTooMany;
  const auto known = parts_.find({std::string(interface), flow.source});
  if (known != parts_.end()) return known->second;
  if (parts_.size() == kMostContexts) return kTooMany;
  return parts_.emplace(Context{interface, flow.source}, flatten(flow, interface)).first->second;
}

std::vector<IpsecPart> IpsecRanges::flatten(const Flow& flow, std::string_view interface) const {
  std::vector<Candidate> candidates;
  for (const XfrmPolicy* policy : policies_) {
    const XfrmMatch match = match_xfrm_policy_anywhere(*policy, flow, interface);
    if (match != XfrmMatch::kNo) candidates.push_back({policy, match});
  }
  const std::vector<Edge> edges = edges_of(candidates);
  std::vector<IpsecPart> parts;
  Asked asked;
  AddressNumber at;
  for (std::size_t edge = 0;;) {
    for (; edge < edges.size() && edges[edge].at == at; ++edge) {
      edges[edge].is_begin ? asked.begin(edges[edge].place) : asked.end(edges[edge].place);
    }
    IpsecPart part = decide(*outgoing_, candidates, asked);
    part.first = at;
    const bool goes_on = !parts.empty() && parts.back().fate == part.fate && parts.back().why == part.why;
    if (!goes_on) parts.push_back(part);
    if (edge == edges.size()) return parts;
    at = edges[edge].at;
  }
}

}  // namespace vpndoctor
