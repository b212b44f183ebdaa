// SPDX-License-Identifier: Apache-2.0
// Judges answers; see the header.
#include "coverage_ways.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tunnel_nature.h"

namespace vpndoctor {

PacketWay WayFinder::through(std::string_view interface) {
  if (interface.empty()) return PacketWay::kNowhere;
  if (interface.data() == last_interface_.data() && interface.size() == last_interface_.size()) return last_;
  const auto [known, is_new] = natures_.try_emplace(interface, PacketWay::kOutside);
  if (is_new) {
    const Link* link = snapshot_->find_link(interface);
    if (link != nullptr && link->is_loopback()) {
      known->second = PacketWay::kHere;
    } else if (is_tunnel(*snapshot_, interface)) {
      known->second = PacketWay::kTunnel;
      if (std::string why = why_nature_unknown(*snapshot_, interface); !why.empty())
        doubts_[interface] = std::move(why);
    } else if (link != nullptr && link->kind == "dummy") {
      known->second = PacketWay::kNowhere;
    }
  }
  last_interface_ = interface;
  last_ = known->second;
  return last_;
}

std::string_view WayFinder::doubt_of(std::string_view interface) const {
  const auto found = doubts_.empty() ? doubts_.end() : doubts_.find(interface);
  return found == doubts_.end() ? std::string_view() : std::string_view(found->second);
}

AnswerWay WayFinder::find(const FlowAnswer& answer) {
  switch (answer.fate) {
    case FlowFate::kUnicast:
    case FlowFate::kBroadcast:
    case FlowFate::kMulticast:
      break;
    case FlowFate::kLocal:
    case FlowFate::kAnycast:
      return {
          .way = PacketWay::kHere, .interface = answer.interface, .gateway = {}, .route = answer.route, .tunnel = {}};
    default:
      return {.way = PacketWay::kNowhere, .interface = {}, .gateway = {}, .route = answer.route, .tunnel = {}};
  }
  AnswerWay found{.way = through(answer.interface),
                  .interface = answer.interface,
                  .gateway = answer.gateway,
                  .route = answer.route,
                  .tunnel = {},
                  .doubt = doubt_of(answer.interface)};
  for (const FlowWay& way : answer.candidates) {
    const PacketWay other = through(way.interface);
    if (found.doubt.empty()) found.doubt = doubt_of(way.interface);
    if (other == found.way) continue;
    found.parted_by = answer.depends_on;
    if (other == PacketWay::kTunnel) found.tunnel = way.interface;
    if (other != PacketWay::kOutside) continue;
    if (found.way == PacketWay::kTunnel) found.tunnel = found.interface;
    found.way = other;
    found.interface = way.interface;
    found.gateway = way.gateway;
    found.route = way.route != nullptr ? way.route : answer.route;
  }
  return found;
}

std::string why_nowhere(const FlowAnswer& answer) {
  switch (answer.fate) {
    case FlowFate::kNone:
      return "there is no route to it";
    case FlowFate::kNoSuchInterface:
      return "the interface that it is bound to is not there or is down";
    case FlowFate::kInvalidSource:
      return "it may not have its source address here";
    case FlowFate::kNotForwarding:
      return "this machine does not forward";
    case FlowFate::kMartian:
      return "it is dropped for its addresses or where it came from";
    case FlowFate::kUnicast:
      return "its interface drops everything";
    default:
      return fmt::format("its route or rule says {}", flow_fate_name(answer.fate));
  }
}

}  // namespace vpndoctor
