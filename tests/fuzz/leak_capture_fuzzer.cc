// SPDX-License-Identifier: Apache-2.0
// A whole capture of hostile frames: each begins with its length; the first byte chooses the link type of all.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "vpndoctor/leak_capture.h"

namespace {

using namespace vpndoctor;

Snapshot machine() {
  Snapshot snapshot;
  Link link;
  link.index = 2;
  link.name = "eth0";
  link.flags = kLinkUp | kLinkRunning;
  link.hardware_type = 1;
  link.hardware_address = "02:00:00:00:00:01";
  snapshot.links = {{link}, "netlink"};
  Address address;
  address.interface = "eth0";
  address.address = *IpAddress::parse("192.0.2.1");
  address.prefix_length = 24;
  snapshot.addresses = {{address}, "netlink"};
  Tunnel tunnel;
  tunnel.interface = "tun0";
  tunnel.endpoints = {{*IpAddress::parse("198.51.100.2"), 1194}};
  tunnel.outer_sockets = {{17, *IpAddress::parse("0.0.0.0"), 61000, {}, 0}};
  snapshot.tunnels = {{tunnel}, "netlink"};
  snapshot.xfrm = {Xfrm{}, "netlink"};
  return snapshot;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Snapshot snapshot = machine();
  static const Fib fib(snapshot);
  static const std::vector<TunnelReport> tunnels;
  static const Coverage coverage;
  constexpr std::array kTypes{1, 113, 276, 101, 0};
  if (size < 2) return 0;
  const LeakFacts facts{.snapshot = snapshot,
                        .fib = fib,
                        .uid = 0,
                        .tunnels = tunnels,
                        .coverage = coverage,
                        .expectation = {.mode = CoverageMode::kFull, .interface = {}}};
  LeakCapture capture(facts);
  CapturedPacket packet;
  packet.link_type = kTypes[data[0] % kTypes.size()];
  if (data[1] % 2 == 0) packet.interface = "eth0";
  auto rest = std::as_bytes(std::span(data, size)).subspan(2);
  while (!rest.empty()) {
    const auto length = std::min<std::size_t>(std::to_integer<std::size_t>(rest[0]), rest.size() - 1);
    packet.bytes = rest.subspan(1, length);
    packet.length_bytes = static_cast<std::uint32_t>(length);
    capture.take(packet);
    rest = rest.subspan(1 + length);
  }
  const CaptureResult result = capture.result();
  std::uint64_t leaking = 0;
  for (const CaptureLeak& leak : result.leaks) leaking += leak.packets;
  if (leaking > result.leak_packets || result.leak_packets > result.packets) __builtin_trap();
  judge_capture(facts, result);
  return 0;
}
