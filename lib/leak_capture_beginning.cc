// SPDX-License-Identifier: Apache-2.0
// Who began a flow that a capture saw, this machine or the other end. What would be a leak is none where it answers;
// and where that is not known, it is neither.
#include "leak_capture_state.h"

namespace vpndoctor {
namespace {

/// Services have the ports below 1024, and who asks them has not (RFC 6335 section 6). Where both ends or neither have
/// one, as NTP's and those of peers, the ports do not tell.
Beginning begun_by_ports(const FlowKey& own) {
  constexpr std::uint16_t kFirstUnprivileged = 1024;
  const bool is_service = own.source_port < kFirstUnprivileged;
  const bool is_to_service = own.port < kFirstUnprivileged;
  if (is_service == is_to_service) return Beginning::kNotTold;
  return is_service ? Beginning::kOutside : Beginning::kHere;
}

}  // namespace

void LeakCapture::State::note_incoming(const FlowPacket& flow) {
  ++result.counts.incoming;
  const bool is_udp = flow.key.ip_protocol == kProtocolUdp && flow.has_ports;
  if (!is_udp && flow.tcp != TcpMark::kSyn) return;
  const FlowKey own = flow.key.reversed();
  const auto leak = is_udp ? leak_places.find(own) : leak_places.end();
  if (leak == leak_places.end()) {
    came_in_first.set(own, true);
  } else if (begun_by_ports(own) == Beginning::kNotTold) {
    leaks[leak->second].is_midstream = true;  // it may have run before the capture did
  }
}

/// By what the flow's packets of before and this one say; RFC 768 has no beginning, so that ports must tell.
Beginning LeakCapture::State::beginning_of(const FlowPacket& flow, bool is_live) {
  if (is_answer(flow)) return Beginning::kOutside;
  if (flow.tcp == TcpMark::kSyn) return Beginning::kHere;
  const bool is_tcp = flow.key.ip_protocol == kProtocolTcp;
  const bool is_udp = flow.key.ip_protocol == kProtocolUdp;
  if (!is_tcp && !is_udp) return Beginning::kHere;
  const Beginning by_ports = flow.has_ports ? begun_by_ports(flow.key) : Beginning::kNotTold;
  if (came_in_first.find(flow.key) != nullptr) {
    return is_tcp ? Beginning::kOutside : by_ports;
  }
  // From a service's port, and without the question that it answers. Live, TCP's listening socket tells (explain()).
  const bool may_answer = by_ports == Beginning::kOutside && !(is_tcp && is_live);
  return may_answer ? Beginning::kNotTold : Beginning::kHere;
}

}  // namespace vpndoctor
