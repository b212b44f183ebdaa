// SPDX-License-Identifier: Apache-2.0
// Keeps leaking packets; see the header.
#include "leak_packet_file.h"

#include <algorithm>
#include <string_view>

#include "vpndoctor/pcapng.h"
#include "vpndoctor/version.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kBufferBytes = 1 << 16;
constexpr int kEthernet = 1;

/// In any case of letters: DUMP.PCAP is one too.
bool is_named_pcap(std::string_view path) {
  constexpr std::string_view kEnd = ".pcap";
  if (path.size() < kEnd.size()) return false;
  return std::ranges::equal(path.substr(path.size() - kEnd.size()), kEnd, {}, [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
}

}  // namespace

Result<LeakPacketFile> LeakPacketFile::create(const std::string& path, std::uint32_t snap_bytes) {
  auto file = AtomicFile::create(path);
  if (!file) return std::unexpected(std::move(file.error()));
  LeakPacketFile packets(std::move(*file), !is_named_pcap(path), snap_bytes);
  if (packets.is_pcapng_) packets.buffer_ = pcapng_section("vpndoctor");
  return packets;
}

std::string LeakPacketFile::pcapng_bytes(const CapturedPacket& packet, std::string_view comment) {
  const auto [place, is_new] = interfaces_.try_emplace({std::string(packet.interface), packet.link_type},
                                                       static_cast<std::uint32_t>(interfaces_.size()));
  const std::string description =
      is_new ? pcapng_interface(packet.interface, packet.link_type, snap_bytes_) : std::string();
  return description + pcapng_packet(place->second, packet, comment);
}

std::string LeakPacketFile::pcap_bytes(const CapturedPacket& packet) {
  std::string header;
  if (link_type_ < 0) {
    link_type_ = packet.link_type;
    header = pcap_file_header(link_type_, snap_bytes_);
  }
  return packet.link_type == link_type_ ? header + pcap_packet(packet) : std::string();
}

void LeakPacketFile::write(const CapturedPacket& packet, std::string_view comment) {
  const std::string bytes = bytes_ > kMostBytes ? std::string()
                            : is_pcapng_        ? pcapng_bytes(packet, comment)
                                                : pcap_bytes(packet);
  if (bytes.empty()) ++left_out_;
  bytes_ += bytes.size();
  buffer_ += bytes;
  if (buffer_.size() < kBufferBytes) return;
  file_.write(buffer_);
  buffer_.clear();
}

std::optional<Error> LeakPacketFile::commit() {
  // A file without a packet has a link type all the same: libpcap opens none without.
  if (is_pcapng_ && interfaces_.empty()) buffer_ += pcapng_interface("", kEthernet, snap_bytes_);
  if (!is_pcapng_ && link_type_ < 0) buffer_ = pcap_file_header(kEthernet, snap_bytes_);
  file_.write(buffer_);
  buffer_.clear();
  return file_.commit();
}

}  // namespace vpndoctor
