// SPDX-License-Identifier: Apache-2.0
// Looks for policies without a state; see the header.
#include "unserved_ipsec.h"

#include <algorithm>

#include "vpndoctor/xfrm_match.h"

namespace vpndoctor {
namespace {

bool is_unserved(const Xfrm& xfrm, const XfrmPolicy& policy) {
  return policy.direction == XfrmDirection::kOut && policy.interface_id == 0 && !policy.blocks &&
         std::ranges::any_of(policy.templates, [&](const XfrmTemplate& wanted) {
           return !wanted.is_optional &&
                  std::ranges::none_of(xfrm.states, [&](const XfrmState& state) { return may_serve(state, wanted); });
         });
}

std::vector<const XfrmPolicy*> without_state(const Snapshot& snapshot) {
  std::vector<const XfrmPolicy*> found;
  if (!snapshot.xfrm.is_complete()) return found;
  for (const XfrmPolicy& policy : snapshot.xfrm->policies) {
    if (is_unserved(*snapshot.xfrm, policy)) found.push_back(&policy);
  }
  return found;
}

/// A daemon that listens makes a state when the first packet asks for one.
bool has_ike_daemon(const Snapshot& snapshot) {
  return snapshot.vpn_signs && std::ranges::count(*snapshot.vpn_signs, VpnSignKind::kIpsecSocket, &VpnSign::kind) != 0;
}

}  // namespace

std::vector<const XfrmPolicy*> unserved_ipsec(const Snapshot& snapshot) {
  if (!snapshot.vpn_signs || has_ike_daemon(snapshot)) return {};
  return without_state(snapshot);
}

std::string unserved_ipsec_undecided(const Snapshot& snapshot) {
  if (has_ike_daemon(snapshot) || snapshot.vpn_signs || without_state(snapshot).empty()) return {};
  return "IPsec policies have no state, and whether an IKE daemon runs is not known: " +
         snapshot.vpn_signs.why_missing();
}

}  // namespace vpndoctor
