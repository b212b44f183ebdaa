// SPDX-License-Identifier: Apache-2.0
// What is below the IP header, for every link type: the packet comes out whole, and no cut makes it another one.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "captured_frames.h"
#include "vpndoctor/captured_packet.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

using testing_support::hex;
using Bytes = testing_support::FrameBytes;

const std::string kInetPacket = "46000024123440003f110000c0000201c633640294040000ee48829a000c000061626364";
const std::string kInet6Packet =
    "600000000008113f20010db800010000000000000000000120010db8000200000000000000000002ee4800350008ffff";
const std::string kAddresses = "020000000002020000000001";

/// One way that a packet lies in a frame.
struct Frame {
  const char* name;
  int link_type;
  std::string before;
  bool is_inet6;
};

const std::vector<Frame>& frames() {
  static const std::vector<Frame> kAll{
      {"Ethernet", 1, kAddresses + "0800", false},
      {"Ethernet, IPv6", 1, kAddresses + "86dd", true},
      {"a VLAN", 1, kAddresses + "81002064" + "0800", false},
      {"a VLAN in a VLAN", 1, kAddresses + "88a80064" + "81000065" + "86dd", true},
      {"an old tag", 1, kAddresses + "91000064" + "0800", false},
      {"SNAP", 1, kAddresses + "0040" + "aaaa03000000" + "0800", false},
      {"PPPoE", 1, kAddresses + "8864" + "1100" + "0001" + "0026" + "0021", false},
      {"PPPoE in a VLAN, IPv6", 1, kAddresses + "81000007" + "8864" + "1100" + "0001" + "0032" + "0057", true},
      {"PPPoE without Ethernet", 51, "1100000100260021", false},
      {"SLL", 113,
       "0004000100060200000000010000"
       "0800",
       false},
      {"SLL with a tag", 113,
       "0000000100060200000000010000"
       "8100"
       "0064"
       "86dd",
       true},
      {"SLL of a tun", 113,
       "0004fffe00000000000000000000"
       "0800",
       false},
      {"SLL2", 276,
       "0800"
       "0000"
       "00000003"
       "0001"
       "04"
       "06"
       "0200000000010000",
       false},
      {"SLL2, IPv6", 276,
       "86dd"
       "0000"
       "00000003"
       "0001"
       "00"
       "06"
       "0200000000010000",
       true},
      {"raw", 101, "", false},
      {"raw, IPv6", 12, "", true},
      {"raw of OpenBSD", 14, "", false},
      {"IPv4", 228, "", false},
      {"IPv6", 229, "", true},
      {"loopback of Linux", 0, "02000000", false},
      {"loopback of macOS", 0, "1e000000", true},
      {"loopback of another byte order", 0, "0000001c", true},
      {"loopback of OpenBSD", 108, "00000018", true},
      {"PPP", 9, "0021", false},
      {"PPP, one byte", 9, "21", false},
      {"PPP in HDLC", 50, "ff030057", true},
  };
  return kAll;
}

Bytes frame_bytes(const Frame& frame) { return hex(frame.before + (frame.is_inet6 ? kInet6Packet : kInetPacket)); }

TEST(LinkFrame, EveryLinkTypeGivesThePacketThatItCarries) {
  for (const Frame& each : frames()) {
    SCOPED_TRACE(each.name);
    const Bytes bytes = frame_bytes(each);
    EXPECT_TRUE(is_known_link_type(each.link_type));
    const auto frame = decode_link_frame(each.link_type, bytes);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->ether_type, each.is_inet6 ? 0x86dd : 0x0800);
    const Bytes packet = hex(each.is_inet6 ? kInet6Packet : kInetPacket);
    EXPECT_TRUE(std::ranges::equal(frame->payload, packet));
  }
}

TEST(LinkFrame, ACutFrameIsNoneOrThePacketsBeginning) {
  for (const Frame& each : frames()) {
    SCOPED_TRACE(each.name);
    const Bytes bytes = frame_bytes(each);
    const std::size_t header = each.before.size() / 2;
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
      const auto frame = decode_link_frame(each.link_type, cut);
      if (length >= header && frame && (frame->ether_type == 0x0800 || frame->ether_type == 0x86dd)) {
        EXPECT_EQ(frame->payload.size(), length - header) << length;
      } else if (length < header && frame) {
        EXPECT_FALSE(decode_ip_packet(frame->payload)) << length;
      }
    }
  }
}

TEST(LinkFrame, RandomBytesNeverGiveAPayloadOutsideOfThem) {
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    const Frame& chosen = frames()[random() % frames().size()];
    Bytes bytes = frame_bytes(chosen);
    for (int change = 0; change < 3; ++change) bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    bytes.resize(random() % (bytes.size() + 1));
    const auto frame = decode_link_frame(chosen.link_type, bytes);
    if (!frame || frame->payload.empty()) continue;
    ASSERT_GE(frame->payload.data(), bytes.data());
    ASSERT_LE(frame->payload.data() + frame->payload.size(), bytes.data() + bytes.size());
  }
}

TEST(LinkFrame, EthernetTellsBothAddressesAndTheOuterTag) {
  const auto frame = decode_link_frame(1, hex(kAddresses + "88a80064" + "81000065" + "0806" + "0001"));
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->destination, (MacAddress{2, 0, 0, 0, 0, 2}));
  EXPECT_EQ(frame->source, (MacAddress{2, 0, 0, 0, 0, 1}));
  EXPECT_EQ(frame->vlan, 100);
  EXPECT_EQ(frame->ether_type, 0x0806);
  EXPECT_EQ(frame->direction, PacketDirection::kUnknown);
}

TEST(LinkFrame, ACookedCaptureTellsTheDirection) {
  const std::string packet = "0800" + kInetPacket;
  for (const auto& [type, direction] :
       {std::pair("0004", PacketDirection::kOut), std::pair("0000", PacketDirection::kIn),
        std::pair("0003", PacketDirection::kIn), std::pair("0007", PacketDirection::kUnknown)}) {
    EXPECT_EQ(decode_link_frame(113, hex(type + std::string("000100060200000000010000") + packet))->direction,
              direction);
  }
  const auto frame = decode_link_frame(276, hex("0800000000000103000104060200000000010000" + kInetPacket));
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->direction, PacketDirection::kOut);
  EXPECT_EQ(frame->interface_index, 0x103U);
  EXPECT_EQ(frame->source, (MacAddress{2, 0, 0, 0, 0, 1}));
  EXPECT_FALSE(frame->destination);
}

TEST(LinkFrame, WhatIsNoIpKeepsItsTypeOrHasNone) {
  EXPECT_EQ(decode_link_frame(1, hex(kAddresses + "0026" + "42420300"))->ether_type, 0);  // spanning tree
  EXPECT_EQ(decode_link_frame(1, hex(kAddresses + "8863" + "11090000"))->ether_type, 0x8863);
  // PPPoE that carries LCP, and one of another version, stay PPPoE.
  EXPECT_EQ(decode_link_frame(1, hex(kAddresses + "8864" + "110000010004" + "c021" + "0901"))->ether_type, 0x8864);
  EXPECT_EQ(decode_link_frame(1, hex(kAddresses + "8864" + "210000010026" + "0021" + kInetPacket))->ether_type, 0x8864);
  EXPECT_EQ(decode_link_frame(9, hex("ff03c0210901"))->ether_type, 0x880b);
  // A GRE device's cooked capture has GRE's flags where others have the type.
  EXPECT_EQ(decode_link_frame(113, hex("0004030a000000000000000000000800" + kInetPacket))->ether_type, 0);
  EXPECT_FALSE(decode_link_frame(101, hex("00")));
  EXPECT_FALSE(decode_link_frame(228, hex(kInet6Packet)));
  EXPECT_FALSE(decode_link_frame(229, hex(kInetPacket)));
  EXPECT_FALSE(is_known_link_type(127));  // radiotap
  EXPECT_FALSE(decode_link_frame(127, hex(kInetPacket)));
}

}  // namespace
}  // namespace vpndoctor
