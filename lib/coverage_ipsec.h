// SPDX-License-Identifier: Apache-2.0
// What IPsec policies do to whole ranges of destinations: the policies' selectors flattened, once for each way out.
// Knows no routes.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "address_number.h"
#include "vpndoctor/snapshot.h"
#include "vpndoctor/xfrm_match.h"

namespace vpndoctor {

/// Consecutive destinations, up to where the next part begins.
struct IpsecPart {
  AddressNumber first;
  XfrmFate fate = XfrmFate::kClear;
  std::string_view why;  ///< of kUnknown
};

/// Answers for ranges. The snapshot belongs to the caller.
class IpsecRanges {
 public:
  IpsecRanges(const Snapshot& snapshot, Family family);

  /// Why nobody knows whether a packet that no policy of the snapshot takes leaves in clear; empty when it does.
  const std::string& why_unknown() const { return why_unknown_; }
  /// True when no packet meets any policy.
  bool is_empty() const { return policies_.empty() && default_fate_ == XfrmFate::kClear; }
  /// The parts for packets of the flow, whose destination is ignored and whose source is what the packets have; empty
  /// when there are too many policies and ways out to look at them all.
  const std::vector<IpsecPart>& parts(const Flow& flow, std::string_view interface);

 private:
  using Context = std::tuple<std::string, std::optional<IpAddress>>;

  std::vector<IpsecPart> flatten(const Flow& flow, std::string_view interface) const;

  std::optional<OutgoingXfrm> outgoing_;
  std::vector<const XfrmPolicy*> policies_;
  XfrmFate default_fate_ = XfrmFate::kClear;
  std::string why_unknown_;
  std::map<Context, std::vector<IpsecPart>> parts_;
};

/// Why policies that nobody could read may take packets: a sign of IPsec beside a facet that is missing or cut; empty
/// when nothing speaks for IPsec.
std::string hidden_ipsec(const Snapshot& snapshot);

}  // namespace vpndoctor
