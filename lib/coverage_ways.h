// SPDX-License-Identifier: Apache-2.0
// Where one answer of the route lookup leads: into a tunnel, out beside it, nowhere. Knows nothing of IPsec.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "vpndoctor/coverage.h"

namespace vpndoctor {

/// The way of the packets of one answer.
struct AnswerWay {
  PacketWay way = PacketWay::kUnknown;
  std::string_view interface;  ///< empty: nowhere
  std::optional<IpAddress> gateway;
  const Route* route = nullptr;
  /// What decides between a tunnel and another way, which the fields above then are; nothing: all packets go this way.
  DependsOn parted_by = DependsOn::kNothing;
  std::string_view tunnel;      ///< of parted ways: the tunnel that some go through
  std::string_view doubt = {};  ///< why it is not known whether the interface is a tunnel; empty: it is
};

/// Judges answers; looks at each interface once.
class WayFinder {
 public:
  explicit WayFinder(const Snapshot& snapshot) : snapshot_(&snapshot) {}

  AnswerWay find(const FlowAnswer& answer);
  /// kTunnel, kOutside, kHere for the loopback interface, kNowhere for one that drops all (a dummy, or none).
  PacketWay through(std::string_view interface);

 private:
  /// Why it is not known whether the interface is a tunnel; empty: it is known.
  std::string_view doubt_of(std::string_view interface) const;

  const Snapshot* snapshot_;
  std::map<std::string_view, PacketWay> natures_;
  std::map<std::string_view, std::string> doubts_;
  std::string_view last_interface_;
  PacketWay last_ = PacketWay::kNowhere;
};

/// "its route says unreachable", "there is no route": why packets of the answer go nowhere.
std::string why_nowhere(const FlowAnswer& answer);

}  // namespace vpndoctor
