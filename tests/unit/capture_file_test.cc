// SPDX-License-Identifier: Apache-2.0
// Captures of every format, whole, cut and foreign. The files are written here byte by byte.
#include "vpndoctor/capture_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace vpndoctor {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using Time = std::chrono::system_clock::time_point;

/// A folder that is gone after the test.
class CaptureFile : public ::testing::Test {
 protected:
  CaptureFile() {
    std::string pattern = ::testing::TempDir() + "vpndoctor-capture-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~CaptureFile() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& bytes) const {
    std::ofstream(path(), std::ios::binary) << bytes;
    return path();
  }
  std::string path() const { return folder_ + "/capture"; }

 private:
  std::string folder_;
};

struct Packet {
  Time at;
  int link_type;
  std::uint32_t length;
  std::string bytes;
};

struct Reading {
  Result<CaptureFileFacts> facts;
  std::vector<Packet> packets;
};

Reading read(const std::string& path) {
  std::vector<Packet> packets;
  auto facts = read_capture_file(path, -1, [&](const CapturedPacket& packet) {
    packets.push_back({packet.at, packet.link_type, packet.length_bytes,
                       std::string(reinterpret_cast<const char*>(packet.bytes.data()), packet.bytes.size())});
  });
  return {std::move(facts), std::move(packets)};
}

/// Numbers of a file in the one byte order or the other.
struct Writer {
  bool big = false;
  std::string bytes = {};

  void number(std::uint64_t value, unsigned size) {
    for (unsigned i = 0; i < size; ++i) {
      bytes += static_cast<char>(value >> 8U * (big ? size - 1 - i : i));
    }
  }
  void u32(std::uint64_t value) { number(value, 4); }
  void u16(std::uint64_t value) { number(value, 2); }
};

std::string pcap_header(bool big, std::uint32_t magic, std::uint32_t link_type, std::uint32_t snap_bytes = 96) {
  Writer file{big};
  file.u32(magic);
  file.u16(2);
  file.u16(4);
  file.u32(0);
  file.u32(0);
  file.u32(snap_bytes);
  file.u32(link_type);
  return file.bytes;
}

std::string pcap_record(bool big, std::uint32_t second, std::uint32_t fraction, const std::string& data,
                        std::uint32_t length) {
  Writer file{big};
  file.u32(second);
  file.u32(fraction);
  file.u32(data.size());
  file.u32(length);
  return file.bytes + data;
}

std::string pcapng_block(std::uint32_t type, std::string body) {
  body.resize((body.size() + 3) / 4 * 4);
  Writer block;
  block.u32(type);
  block.u32(body.size() + 12);
  block.bytes += body;
  block.u32(body.size() + 12);
  return block.bytes;
}

std::string pcapng(const std::string& data) {
  Writer section;
  section.u32(0x1a2b3c4d);
  section.u16(1);
  section.u16(0);
  section.u32(0xffffffff);
  section.u32(0xffffffff);
  Writer interface;
  interface.u16(1);
  interface.u16(0);
  interface.u32(96);
  interface.u16(9);  // if_tsresol
  interface.u16(1);
  interface.u32(9);
  interface.u32(0);
  const std::uint64_t time = 1'700'000'000'123'456'789;
  Writer packet;
  packet.u32(0);
  packet.u32(time >> 32U);
  packet.u32(time & 0xffffffffU);
  packet.u32(data.size());
  packet.u32(1514);
  return pcapng_block(0x0a0d0d0a, section.bytes) + pcapng_block(1, interface.bytes) +
         pcapng_block(6, packet.bytes + data);
}

constexpr std::uint32_t kMicroseconds = 0xa1b2c3d4;
constexpr std::uint32_t kNanoseconds = 0xa1b23c4d;

TEST_F(CaptureFile, EveryByteOrderAndResolutionIsRead) {
  for (const bool big : {false, true}) {
    for (const std::uint32_t magic : {kMicroseconds, kNanoseconds}) {
      SCOPED_TRACE(testing::Message() << "big " << big << " magic " << std::hex << magic);
      const Reading reading =
          read(write(pcap_header(big, magic, 1) + pcap_record(big, 1'700'000'000, 123'456, "abcd", 1514) +
                     pcap_record(big, 4'000'000'000, 1, "", 60)));
      ASSERT_TRUE(reading.facts) << reading.facts.error().message;
      ASSERT_EQ(reading.packets.size(), 2U);
      const auto unit = magic == kMicroseconds ? nanoseconds(1000) : nanoseconds(1);
      EXPECT_EQ(reading.packets[0].at, Time(seconds(1'700'000'000) + 123'456 * unit));
      EXPECT_EQ(reading.packets[0].bytes, "abcd");
      EXPECT_EQ(reading.packets[0].length, 1514U);
      EXPECT_EQ(reading.packets[0].link_type, 1);
      EXPECT_EQ(reading.packets[1].at, Time(seconds(4'000'000'000) + unit));
      EXPECT_EQ(reading.facts->packets, 2U);
      EXPECT_EQ(reading.facts->snap_bytes, 96U);
      EXPECT_EQ(reading.facts->link_type, 1);
      EXPECT_EQ(reading.facts->cut_off, "");
      EXPECT_FALSE(reading.facts->interrupted);
    }
  }
}

TEST_F(CaptureFile, PcapngIsReadToTheNanosecond) {
  const Reading reading = read(write(pcapng("abcdef")));
  ASSERT_TRUE(reading.facts) << reading.facts.error().message;
  ASSERT_EQ(reading.packets.size(), 1U);
  EXPECT_EQ(reading.packets[0].at, Time(nanoseconds(1'700'000'000'123'456'789)));
  EXPECT_EQ(reading.packets[0].bytes, "abcdef");
  EXPECT_EQ(reading.packets[0].length, 1514U);
}

TEST_F(CaptureFile, RawIpIsOneLinkTypeWhateverItsNumber) {
  const Reading reading = read(write(pcap_header(false, kMicroseconds, 101) + pcap_record(false, 1, 0, "E", 20)));
  ASSERT_TRUE(reading.facts);
  EXPECT_TRUE(is_known_link_type(reading.packets.at(0).link_type));
}

TEST_F(CaptureFile, AFileThatIsCutGivesWhatItHasAndSaysSo) {
  const std::string header = pcap_header(false, kMicroseconds, 1);
  const std::string record = pcap_record(false, 1, 2, "abcdefgh", 8);
  const std::string whole = header + record + record;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    SCOPED_TRACE(length);
    const Reading reading = read(write(whole.substr(0, length)));
    if (length < header.size()) {
      ASSERT_FALSE(reading.facts);
      EXPECT_EQ(reading.facts.error().kind, ErrorKind::kUsage);
      EXPECT_NE(reading.facts.error().hint, "");
      continue;
    }
    ASSERT_TRUE(reading.facts);
    EXPECT_EQ(reading.packets.size(), (length - header.size()) / record.size());
    EXPECT_EQ(reading.facts->cut_off.empty(), (length - header.size()) % record.size() == 0);
  }
}

TEST_F(CaptureFile, WhatIsNoCaptureIsAUsageErrorWithAHint) {
  using std::string_literals::operator""s;
  for (const auto& [bytes, hint] :
       {std::pair("\x1f\x8b\x08\0\0\0\0\0\0\x03 and so on, for a while"s, "gunzip"s),
        std::pair("{\"schema\":1}\n                      "s, "--from"s), std::pair("hello\x1b[31m, world"s, "tcpdump"s),
        std::pair(std::string(100, '\0'), "tcpdump"s), std::pair(""s, "tcpdump"s)}) {
    const Reading reading = read(write(bytes));
    ASSERT_FALSE(reading.facts) << bytes;
    EXPECT_EQ(reading.facts.error().kind, ErrorKind::kUsage);
    EXPECT_NE(reading.facts.error().hint.find(hint), std::string::npos) << reading.facts.error().hint;
    EXPECT_EQ(reading.facts.error().message.find('\x1b'), std::string::npos);
  }
}

TEST_F(CaptureFile, AFileThatCannotBeReadIsAUsageError) {
  EXPECT_EQ(read(path()).facts.error().kind, ErrorKind::kUsage);
  const Reading folder = read("/");
  ASSERT_FALSE(folder.facts);
  EXPECT_EQ(folder.facts.error().kind, ErrorKind::kUsage);
  EXPECT_NE(folder.facts.error().message.find("directory"), std::string::npos) << folder.facts.error().message;
}

TEST_F(CaptureFile, ALinkTypeThatIsNotReadIsNamed) {
  const Reading reading = read(write(pcap_header(false, kMicroseconds, 127)));
  ASSERT_FALSE(reading.facts);
  EXPECT_EQ(reading.facts.error().kind, ErrorKind::kUsage);
  EXPECT_NE(reading.facts.error().message.find("IEEE802_11_RADIO"), std::string::npos);
  EXPECT_FALSE(read(write(pcap_header(false, kMicroseconds, 60'000))).facts);
}

TEST_F(CaptureFile, FourGigabytesAreReadInConstantMemory) {
  constexpr std::uint64_t kRecords = 17'000;
  const std::string record = pcap_record(false, 1, 0, "", 262'144);
  Writer length;
  length.u32(262'144);
  std::string header = record;
  header.replace(8, 4, length.bytes);
  const int fd = ::open(path().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(fd, 0);
  const std::string start = pcap_header(false, kMicroseconds, 1, 262'144);
  ASSERT_EQ(::pwrite(fd, start.data(), start.size(), 0), static_cast<ssize_t>(start.size()));
  const std::uint64_t step = header.size() + 262'144;
  for (std::uint64_t i = 0; i < kRecords; ++i) {
    const auto place = static_cast<off_t>(start.size() + i * step);
    ASSERT_EQ(::pwrite(fd, header.data(), header.size(), place), static_cast<ssize_t>(header.size()));
  }
  ASSERT_EQ(::ftruncate(fd, static_cast<off_t>(start.size() + kRecords * step)), 0);
  ::close(fd);
  rusage before{};
  getrusage(RUSAGE_SELF, &before);
  std::uint64_t bytes = 0;
  const auto facts = read_capture_file(path(), -1, [&](const CapturedPacket& packet) { bytes += packet.bytes.size(); });
  rusage after{};
  getrusage(RUSAGE_SELF, &after);
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(facts->cut_off, "");
  EXPECT_EQ(facts->packets, kRecords);
  EXPECT_EQ(bytes, kRecords * 262'144);
  EXPECT_GT(bytes, std::uint64_t{1} << 32U);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 4096);  // kilobytes
}

TEST_F(CaptureFile, APipeThatSaysNothingCanBeInterrupted) {
  std::array<int, 2> data{};
  std::array<int, 2> interrupt{};
  ASSERT_EQ(::pipe2(data.data(), O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(interrupt.data(), O_CLOEXEC), 0);
  const std::string begin = pcap_header(false, kMicroseconds, 1) + pcap_record(false, 1, 0, "abcd", 4);
  ASSERT_EQ(::write(data[1], begin.data(), begin.size()), static_cast<ssize_t>(begin.size()));
  int packets = 0;
  const auto facts =
      read_capture_file("/dev/fd/" + std::to_string(data[0]), interrupt[0], [&](const CapturedPacket& /*packet*/) {
        ++packets;
        ASSERT_EQ(::write(interrupt[1], "x", 1), 1);
      });
  ASSERT_TRUE(facts) << facts.error().message;
  EXPECT_EQ(packets, 1);
  EXPECT_TRUE(facts->interrupted);
  EXPECT_EQ(facts->cut_off, "");
  for (const int each : {data[0], data[1], interrupt[0], interrupt[1]}) ::close(each);
}

}  // namespace
}  // namespace vpndoctor
