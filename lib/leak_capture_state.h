// SPDX-License-Identifier: Apache-2.0
// What a capture remembers between packets: flows, leaks, and what showed on each interface. All of it bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "captured_flow.h"
#include "captured_sender.h"
#include "leak_verdict.h"
#include "outer_flows.h"
#include "recent_map.h"
#include "vpndoctor/leak_capture.h"

namespace vpndoctor {

/// Who sent the first packet of a flow.
enum class Beginning : std::uint8_t { kHere, kOutside, kNotTold };

struct LeakCapture::State {
  static constexpr std::size_t kMostFlows = 1 << 16;

  /// What is known of a flow that is no leak, or that is one which is not kept.
  struct Known {
    LeakVerdict verdict = LeakVerdict::kUntold;
  };
  /// What was seen of one interface.
  struct Seen {
    std::string name;
    std::string control;    ///< a phrase; empty: none yet
    std::string neighbour;  ///< the same, of a neighbour that is no gateway
  };

  const LeakFacts& facts;
  SenderTable senders;
  OuterFlows outer;
  FlowReader reader = {};
  std::map<std::string, std::set<IpAddress>, std::less<>> gateways = {};
  std::vector<Seen> interfaces = {};
  std::map<std::string, std::uint16_t, std::less<>> interface_numbers = {};
  RecentMap<FlowKey, Known, FlowKeyHash> known{kMostFlows};
  /// Own flows of UDP, and of TCP whose SYN it was, that began with a packet of the other end as far as was seen.
  RecentMap<FlowKey, bool, FlowKeyHash> came_in_first{kMostFlows};
  std::unordered_map<FlowKey, std::size_t, FlowKeyHash> leak_places = {};
  std::deque<CaptureLeak> leaks = {};
  CaptureLeak unlisted = {};  ///< what take() returns of a leak that is not kept
  CaptureResult result = {};

  std::uint16_t number_of(std::string_view interface);
  FlowKey key_of(const LeakFlow& flow) const;
  void read_gateways();
  void see_control(std::uint16_t interface, const std::optional<IpAddress>& asked, const char* what);
  void take_other(const CapturedPacket& packet, const LinkFrame& frame);
  void take_unread(const CapturedPacket& packet, const LinkFrame* frame);
  const CaptureLeak* take_ip(const CapturedPacket& packet, const LinkFrame& frame, const IpPacket& ip);
  void note_incoming(const FlowPacket& flow);
  const CaptureLeak* take_own(const CapturedPacket& packet, const FlowPacket& flow, bool is_forwarded);
  Beginning beginning_of(const FlowPacket& flow, bool is_live);
  LeakVerdict judge(const CapturedPacket& packet, const FlowPacket& flow, std::string& why);
  std::uint64_t& count_of(LeakVerdict verdict);
  const CaptureLeak* add_leak(const CapturedPacket& packet, const FlowPacket& flow, CaptureLeak leak);
  const CaptureLeak* count_leak(CaptureLeak& leak, const CapturedPacket& packet);
  void forgive(std::size_t place, const FlowKey& key, LeakVerdict verdict);
};

}  // namespace vpndoctor
