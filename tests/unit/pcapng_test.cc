// SPDX-License-Identifier: Apache-2.0
// What is written as pcapng or pcap is read back by libpcap, and told by tshark where it is installed.
#include "vpndoctor/pcapng.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

#include "captured_frames.h"
#include "in_namespace.h"
#include "vpndoctor/capture_file.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

using namespace testing_support;
using Time = std::chrono::system_clock::time_point;

/// A folder that is gone after the test, with a capture in it.
class Pcapng : public ::testing::Test {
 protected:
  Pcapng() {
    std::string pattern = ::testing::TempDir() + "vpndoctor-pcapng-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Pcapng() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& bytes) const {
    std::ofstream(folder_ + "/capture", std::ios::binary) << bytes;
    return folder_ + "/capture";
  }

 private:
  std::string folder_;
};

struct Kept {
  Time at;
  std::uint32_t length = 0;
  FrameBytes bytes;
  bool operator==(const Kept&) const = default;
};

std::vector<Kept> random_packets(unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<Kept> packets(50);
  for (Kept& each : packets) {
    each.at = Time(std::chrono::nanoseconds(random() % 4'000'000'000'000'000'000U));
    each.bytes.resize(random() % 129);
    for (std::byte& byte : each.bytes) byte = static_cast<std::byte>(random());
    each.length = static_cast<std::uint32_t>(each.bytes.size() + random() % 1400);
  }
  return packets;
}

CapturedPacket view(const Kept& kept) {
  CapturedPacket packet;
  packet.at = kept.at;
  packet.link_type = 1;
  packet.length_bytes = kept.length;
  packet.bytes = kept.bytes;
  return packet;
}

std::vector<Kept> read_back(const std::string& path) {
  std::vector<Kept> packets;
  const auto facts = read_capture_file(path, -1, [&](const CapturedPacket& packet) {
    packets.push_back({packet.at, packet.length_bytes, {packet.bytes.begin(), packet.bytes.end()}});
  });
  EXPECT_TRUE(facts);
  if (facts) {
    EXPECT_EQ(facts->cut_off, "");
  }
  return packets;
}

TEST_F(Pcapng, RandomPacketsAreReadBackAsTheyWere) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const std::vector<Kept> packets = random_packets(seed);
    std::string file = pcapng_section("vpndoctor") + pcapng_interface("eth0", 1, 128);
    for (std::size_t i = 0; i < packets.size(); ++i) {
      if (i == 10) file += pcapng_interface("eth1", 1, 128);
      const std::string comment(i * 97 % 3000, 'c');
      file += pcapng_packet(i > 10 ? 1 : 0, view(packets[i]), comment);
    }
    EXPECT_EQ(read_back(write(file)), packets) << seed;
  }
}

TEST_F(Pcapng, ThePcapIsReadBackAsItWas) {
  const std::vector<Kept> packets = random_packets(7);
  std::string file = pcap_file_header(1, 128);
  for (const Kept& each : packets) file += pcap_packet(view(each));
  EXPECT_EQ(read_back(write(file)), packets);
}

TEST_F(Pcapng, RawIpHasTheNumberThatFilesHave) {
  for (const std::string& file : {pcap_file_header(12, 128), pcapng_section("") + pcapng_interface("", 14, 128)}) {
    const auto facts = read_capture_file(write(file), -1, [](const CapturedPacket& /*packet*/) {});
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->link_type, 12);
  }
}

TEST_F(Pcapng, TsharkTellsTheInterfaceTheCommentAndTheTime) {
  if (std::system("command -v tshark >/dev/null 2>&1") != 0) GTEST_SKIP() << "tshark is not installed";
  Kept kept{Time(std::chrono::nanoseconds(1'700'000'000'123'456'789)), 1514,
            ip_frame(kOwnMac, kRouterMac, ip_packet("192.0.2.5", "9.9.9.9", kProtocolUdp, udp(50000, 53)))};
  const std::string path =
      write(pcapng_section("vpndoctor") + pcapng_interface("eth0", 1, 128) + pcapng_interface("wlan0", 1, 128) +
            pcapng_packet(1, view(kept), "dns: the routing tables send it into tun0"));
  const std::string told =
      output_of("tshark -r " + path +
                " -T fields -E separator=/s -e frame.interface_name -e frame.time_epoch -e "
                "frame.len -e ip.dst -e frame.comment -e frame.packet_flags_direction 2>/dev/null");
  EXPECT_EQ(told, "wlan0 1700000000.123456789 1514 9.9.9.9 dns: the routing tables send it into tun0 0x00000002\n");
}

}  // namespace
}  // namespace vpndoctor
