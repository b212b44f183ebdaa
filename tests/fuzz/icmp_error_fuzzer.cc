// SPDX-License-Identifier: Apache-2.0
// ICMP messages that may quote a probe: the first byte chooses the family, the rest is the message. No message may name
// a probe that was not sent.
#include <array>
#include <cstdlib>

#include "vpndoctor/probe_match.h"

namespace {

using vpndoctor::Family;
using vpndoctor::IpAddress;

vpndoctor::ProbeMatcher matcher_of(Family family) {
  vpndoctor::ProbeFlow flow;
  flow.source = *IpAddress::parse(family == Family::kInet ? "192.0.2.1" : "2001:db8:1::1");
  flow.target = *IpAddress::parse(family == Family::kInet ? "198.51.100.2" : "2001:db8:2::2");
  flow.source_port = 61000;
  std::array<std::byte, 16> random{};
  vpndoctor::randomize_flow(flow, random);
  vpndoctor::ProbeMatcher matcher(flow);
  vpndoctor::Probe probe;
  probe.size_bytes = 100;
  probe.id = 1;
  matcher.note_sent(probe);
  probe.id = 2;
  probe.method = vpndoctor::Method::kUdp;
  matcher.note_sent(probe);
  return matcher;
}

void check(const std::optional<vpndoctor::Reply>& reply) {
  if (reply && reply->probe_id && *reply->probe_id != 1 && *reply->probe_id != 2) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  vpndoctor::ProbeMatcher matcher = matcher_of(data[0] % 2 == 0 ? Family::kInet : Family::kInet6);
  const std::span<const std::byte> message = std::as_bytes(std::span(data, size)).subspan(1);
  for (const bool verified : {true, false}) {
    const IpAddress from = data[0] % 4 < 2 ? matcher.flow().target : matcher.flow().source;
    check(matcher.match({.from = from, .ttl = {}, .icmp = message, .checksum_verified = verified}));
  }
  const vpndoctor::QueuedError error{
      .from = matcher.flow().target, .type = data[1], .code = data[2], .mtu_bytes = 1400, .quoted = message.subspan(2)};
  check(matcher.match(error, vpndoctor::Method::kEcho));
  check(matcher.match(error, vpndoctor::Method::kUdp));
  return 0;
}
