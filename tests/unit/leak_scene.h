// SPDX-License-Identifier: Apache-2.0
// A machine whose tunnel takes all of IPv4, and its capture: for tests of which packets leak.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "captured_frames.h"
#include "machine.h"
#include "vpndoctor/leak_capture.h"
#include "vpndoctor/wire.h"

namespace vpndoctor::testing_support {

inline constexpr const char* kOwn = "192.168.50.5";
inline constexpr const char* kOwn6 = "2a0e:50::5";
inline constexpr const char* kServer = "8.7.6.5";
inline constexpr const char* kPublic = "9.9.9.9";
inline constexpr const char* kPublic6 = "2620:fe::9";

/// eth0 with both families; tun0 takes all of IPv4 by two halves; its server is reached by eth0.
inline Snapshot full_tunnel() {
  Machine machine;
  machine.link("eth0").address("eth0", "192.168.50.5/24").address("eth0", "2a0e:50::5/64");
  machine.route({.destination = "default", .interface = "eth0", .gateway = "192.168.50.1"});
  machine.route({.destination = "::/0", .interface = "eth0", .gateway = "2a0e:50::1"});
  machine.tun("tun0").address("tun0", "10.8.0.2/24").tunnel("tun0", kServer);
  machine.route({.destination = "0.0.0.0/1", .interface = "tun0"})
      .route({.destination = "128.0.0.0/1", .interface = "tun0"});
  machine.route({.destination = std::string(kServer) + "/32", .interface = "eth0", .gateway = "192.168.50.1"});
  Snapshot snapshot = machine.snapshot();
  for (Link& link : *snapshot.links) {
    if (link.name == "eth0") link.hardware_address = "02:00:00:00:00:01";
  }
  Tunnel& tunnel = snapshot.tunnels->at(0);
  tunnel.holder_pid = 4711;
  tunnel.endpoints = {{*IpAddress::parse(kServer), 1194}};
  tunnel.outer_sockets = {{kProtocolUdp, *IpAddress::parse("0.0.0.0"), 40000, {}, 0}};
  snapshot.xfrm = {Xfrm{}, "netlink"};
  return snapshot;
}

/// A machine and its capture.
class Scene {
 public:
  explicit Scene(Snapshot snapshot = full_tunnel(), VpnExpectation expectation = {})
      : snapshot_(std::move(snapshot)),
        fib_(snapshot_),
        coverage_(find_coverage(snapshot_, fib_, 1000)),
        facts_{.snapshot = snapshot_,
               .fib = fib_,
               .uid = 1000,
               .tunnels = tunnels_,
               .coverage = coverage_,
               .expectation = std::move(expectation)},
        capture_(facts_) {}

  const CaptureLeak* take(const FrameBytes& frame, const char* interface = "eth0", int link_type = 1,
                          PacketDirection direction = PacketDirection::kUnknown) {
    CapturedPacket packet;
    packet.at += std::chrono::seconds(++count_);
    packet.interface = interface;
    packet.link_type = link_type;
    packet.direction = direction;
    packet.length_bytes = static_cast<std::uint32_t>(frame.size());
    packet.bytes = frame;
    return capture_.take(packet);
  }
  const CaptureLeak* send(const FrameBytes& packet) { return take(ip_frame(kOwnMac, kRouterMac, packet)); }
  const CaptureLeak* receive(const FrameBytes& packet) { return take(ip_frame(kRouterMac, kOwnMac, packet)); }

  LeakCapture& capture() { return capture_; }
  const LeakFacts& facts() const { return facts_; }
  CaptureResult result() const { return capture_.result({"eth0"}); }
  CaptureCounts counts() const { return result().counts; }
  std::vector<Finding> findings() const { return judge_capture(facts_, result()); }

 private:
  Snapshot snapshot_;
  Fib fib_;
  std::vector<TunnelReport> tunnels_;
  Coverage coverage_;
  LeakFacts facts_;
  LeakCapture capture_;
  int count_ = 0;
};

inline FrameBytes query() { return ip_packet(kOwn, kPublic, kProtocolUdp, udp(50000, 53)); }
inline FrameBytes outer_packet() { return ip_packet(kOwn, kServer, kProtocolUdp, udp(40000, 1194)); }

inline FrameBytes arp_for(std::string_view address) {
  FrameBytes body;
  put(body, 0x0001080006040001, 8);
  put(body, kOwnMac);
  put(body, IpAddress::parse(kOwn)->octets());
  put(body, 0, 6);
  put(body, IpAddress::parse(address)->octets());
  return ethernet(kOwnMac, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 0x0806, body);
}

}  // namespace vpndoctor::testing_support
