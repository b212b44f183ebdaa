// SPDX-License-Identifier: Apache-2.0
// One interface under capture by libpcap: opened with its filter, read without blocking, counted. Judges nothing.
#pragma once

#include <pcap/pcap.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "handles.h"
#include "vpndoctor/capture_plan.h"
#include "vpndoctor/captured_packet.h"
#include "vpndoctor/result.h"

namespace vpndoctor {

/// Bytes of a packet that are captured: enough for the headers of IPv6 in VLAN in PPPoE, and a DNS question's name.
inline constexpr int kLeakSnapBytes = 128;

using PacketTaker = std::function<void(const CapturedPacket&)>;

class LiveCapture {
 public:
  /// Starts capturing. kPermission without CAP_NET_RAW, kUnavailable for an interface that is gone or down.
  static Result<LiveCapture> open(const CapturePlace& place);

  const CapturePlace& place() const { return place_; }
  /// For poll(2); -1 when the capture has ended.
  int descriptor() const { return pcap_ ? pcap_get_selectable_fd(pcap_.get()) : -1; }
  bool has_ended() const { return !pcap_; }
  /// Hands over what is there. Returns why the capture has ended, a phrase; empty: it goes on.
  std::string receive(const PacketTaker& take);
  /// Packets that the kernel had no room for.
  std::uint64_t dropped();
  /// Sends the place's control frame; why not, a phrase, or empty.
  std::string send_control() const;

 private:
  using Handle = std::unique_ptr<pcap_t, Freer<pcap_close>>;
  LiveCapture(CapturePlace place, Handle pcap, int link_type)
      : place_(std::move(place)), pcap_(std::move(pcap)), link_type_(link_type) {}

  CapturePlace place_;
  Handle pcap_;
  int link_type_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace vpndoctor
