// SPDX-License-Identifier: Apache-2.0
// Which IPsec policy an outgoing packet meets, and what happens to it: in clear, taken, blocked. As
// net/xfrm/xfrm_policy.c has it (xfrm_policy_match(), xfrm_selector_match(), xfrm_lookup_with_ifid()). Knows no routes
// and does not ask whether a state works. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/flow.h"
#include "vpndoctor/xfrm.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// What becomes of a packet that meets the policies.
enum class XfrmFate : std::uint8_t {
  kClear,    ///< no policy takes it, or the one that does asks for nothing
  kTaken,    ///< a policy asks for a transformation: without a state for it the packet does not leave at all
  kBlocked,  ///< a policy refuses it
  kUnknown,  ///< it depends on what the flow does not tell, or on whether a state is usable
};

/// Whether a policy takes a packet.
enum class XfrmMatch : std::uint8_t {
  kNo,
  kYes,
  kDepends,  ///< on what the flow does not tell: its source address, the type of an ICMP message
};

struct XfrmAnswer {
  XfrmFate fate = XfrmFate::kClear;
  const XfrmPolicy* policy = nullptr;  ///< the one that decides; null: none does. Owned by the Xfrm that was asked
  std::string why;                     ///< of kUnknown, a phrase; empty otherwise
};

/// Whether the policy takes a packet of this flow that leaves by `interface`: selector, mark, xfrm interface. A
/// protocol or port that the flow does not give (0) is what the packet has: it matches no selector that names one.
XfrmMatch match_xfrm_policy(const XfrmPolicy& policy, const Flow& flow, std::string_view interface);
/// The same for a flow to any destination: all but the destination's address and family is looked at.
XfrmMatch match_xfrm_policy_anywhere(const XfrmPolicy& policy, const Flow& flow, std::string_view interface);

/// True when a state does what the template asks for, as far as a state tells. One of transport mode between the ends
/// of the flow can be any.
bool may_serve(const XfrmState& state, const XfrmTemplate& wanted);

/// The policies for outgoing packets, in the order in which they are asked; does not outlive the Xfrm.
class OutgoingXfrm {
 public:
  explicit OutgoingXfrm(const Xfrm& xfrm);

  /// All of the family for packets that leave by no xfrm interface: the first that matches decides. By priority, the
  /// older one first among equals. (Linux before 6.13 prefers, among equals, one between two single hosts.)
  std::span<const XfrmPolicy* const> policies(Family family) const {
    return policies_[static_cast<std::size_t>(family)];
  }
  /// What becomes of the packets that the policy takes. With optional templates alone that depends on the states.
  XfrmFate fate_of(const XfrmPolicy& policy) const;
  /// What becomes of those that no policy takes: kClear, or kBlocked by default.
  XfrmFate default_fate() const { return xfrm_->blocks_output_by_default ? XfrmFate::kBlocked : XfrmFate::kClear; }
  /// What becomes of a packet of this machine, or a forwarded one, whose route leaves by `interface`. Not for packets
  /// to this machine itself, which the IPv4 loopback device exempts.
  XfrmAnswer answer(const Flow& flow, std::string_view interface) const;

 private:
  const Xfrm* xfrm_;
  std::array<std::vector<const XfrmPolicy*>, 2> policies_;
};

/// The same for a single flow.
XfrmAnswer find_xfrm_fate(const Xfrm& xfrm, const Flow& flow, std::string_view interface);

}  // namespace vpndoctor
