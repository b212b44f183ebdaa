// SPDX-License-Identifier: Apache-2.0
// Takes packets from whoever captured them, and says what was found.
#include "vpndoctor/leak_capture.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "leak_capture_state.h"
#include "vpndoctor/text_escape.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

/// A control was seen when every interface with a gateway showed one; one without can hardly carry anything out.
template <class ControlOn, class Gateways>
void add_control(CaptureResult& result, const ControlOn& control_on, const Gateways& gateways) {
  const std::vector<std::string> of_file{""};
  std::vector<std::string> seen;
  std::vector<std::string> blind;
  for (const std::string& each : result.interfaces.empty() ? of_file : result.interfaces) {
    const std::string control = control_on(each);
    const std::string place = each.empty() ? "" : " on " + escape_controls(each);
    if (!control.empty()) {
      seen.push_back(control + place);
    } else if (each.empty() || gateways.contains(each)) {
      blind.push_back(each.empty() ? "neither a packet of a tunnel itself nor a question for the gateway is in it"
                                   : fmt::format("nothing that this machine surely sends was seen{}", place));
    }
  }
  if (seen.empty() && blind.empty()) blind.emplace_back("nothing was seen");
  result.control_seen = blind.empty();
  result.control = fmt::format("{}", fmt::join(blind.empty() ? seen : blind, ", "));
}

}  // namespace

LeakCapture::LeakCapture(const LeakFacts& facts)
    : state_(new State{.facts = facts, .senders = SenderTable(facts.snapshot), .outer = OuterFlows(facts.snapshot)}) {
  state_->read_gateways();
}
LeakCapture::~LeakCapture() = default;
LeakCapture::LeakCapture(LeakCapture&&) noexcept = default;
LeakCapture& LeakCapture::operator=(LeakCapture&&) noexcept = default;

const CaptureLeak* LeakCapture::take(const CapturedPacket& packet) {
  ++state_->result.packets;
  const auto frame = decode_link_frame(packet.link_type, packet.bytes);
  if (!frame) {
    state_->take_unread(packet, nullptr);
    return nullptr;
  }
  if (frame->ether_type != kEtherTypeInet && frame->ether_type != kEtherTypeInet6) {
    state_->take_other(packet, *frame);
    return nullptr;
  }
  const auto ip = decode_ip_packet(frame->payload);
  if (ip) return state_->take_ip(packet, *frame, *ip);
  state_->take_unread(packet, &*frame);
  return nullptr;
}

const CaptureLeak* LeakCapture::find(const LeakFlow& flow) const {
  const auto found = state_->leak_places.find(state_->key_of(flow));
  return found == state_->leak_places.end() ? nullptr : &state_->leaks[found->second];
}

bool LeakCapture::explain(const LeakFlow& flow, const LeakSocket& socket) {
  State& state = *state_;
  const FlowKey key = state.key_of(flow);
  const auto found = state.leak_places.find(key);
  if (found == state.leak_places.end()) return true;  // one that is not kept by itself
  CaptureLeak& leak = state.leaks[found->second];
  // Others' packets may have the port of a socket that is bound to no address. One that is shows that the address came
  // to this machine while the capture ran.
  if (leak.is_forwarded && !socket.has_source) return true;
  leak.is_forwarded = false;
  std::optional<LeakVerdict> innocent;
  if (socket.owner && !state.outer.tunnel_of(socket.owner->pid).empty()) innocent = LeakVerdict::kTunnel;
  if (socket.is_service && leak.is_midstream) innocent = LeakVerdict::kReply;
  if (socket.uid && *socket.uid != state.facts.uid && !innocent) {
    const LeakVerdict theirs = judge_destination(state.facts, key, *socket.uid).verdict;
    if (theirs != LeakVerdict::kLeak) innocent = theirs;
  }
  if (innocent) {
    state.forgive(found->second, key, *innocent);
    return false;
  }
  leak.owner = socket.owner;
  leak.bound_interface = socket.bound_interface;
  return true;
}

std::string LeakCapture::control_on(std::string_view interface) const {
  const auto found = std::ranges::find(state_->interfaces, interface, &State::Seen::name);
  if (found == state_->interfaces.end()) return "";
  const bool has_gateway = interface.empty() || state_->gateways.contains(interface);
  return found->control.empty() && !has_gateway ? found->neighbour : found->control;
}

CaptureResult LeakCapture::result(const std::vector<std::string>& interfaces) const {
  CaptureResult result = state_->result;
  result.interfaces = interfaces;
  result.counts.undecided += result.untold;
  std::copy_if(state_->leaks.begin(), state_->leaks.end(), std::back_inserter(result.leaks),
               [](const CaptureLeak& leak) { return leak.packets > 0; });
  result.leaks = joined_leaks(std::move(result.leaks));
  add_control(result, [this](std::string_view each) { return control_on(each); }, state_->gateways);
  return result;
}

}  // namespace vpndoctor
