// SPDX-License-Identifier: Apache-2.0
// Builds the simulated packets byte by byte. Checksums stay zero, as offload leaves them.
#include <algorithm>
#include <string_view>

#include "simulated_tcp.h"

namespace vpndoctor::test {
namespace {

constexpr std::int64_t kStartSeconds = 1767225600;

class Builder {
 public:
  void u8(unsigned value) { bytes_.push_back(static_cast<std::byte>(value & 0xffU)); }
  void u16(unsigned value) {
    u8(value >> 8U);
    u8(value);
  }
  void u32(std::uint32_t value) {
    u16(value >> 16U);
    u16(value & 0xffffU);
  }
  void zeros(std::size_t count) { bytes_.resize(bytes_.size() + count); }
  void address(const IpAddress& address) {
    for (const std::uint8_t octet : address.octets()) u8(octet);
  }
  void append(const std::vector<std::byte>& other) { bytes_.insert(bytes_.end(), other.begin(), other.end()); }
  std::vector<std::byte> take() { return std::move(bytes_); }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::vector<std::byte> bytes_;
};

void ethernet(Builder& out, Family family) {
  out.zeros(12);
  out.u16(family == Family::kInet ? 0x0800 : 0x86dd);
}

struct IpFields {
  IpAddress source;
  IpAddress destination;
  unsigned protocol = 6;
  std::size_t payload_bytes = 0;
};

void ip_header(Builder& out, const IpFields& fields) {
  if (fields.source.family == Family::kInet) {
    out.u16(0x4500);
    const std::size_t total = fields.payload_bytes + 20;
    out.u16(total > 0xffff ? 0 : static_cast<unsigned>(total));
    out.u32(0x00004000);
    out.u8(64);
    out.u8(fields.protocol);
    out.u16(0);
  } else {
    out.u32(0x60000000);
    out.u16(fields.payload_bytes > 0xffff ? 0 : static_cast<unsigned>(fields.payload_bytes));
    out.u8(fields.protocol);
    out.u8(64);
  }
  out.address(fields.source);
  out.address(fields.destination);
}

unsigned flag_bits(std::string_view flags) {
  unsigned bits = 0;
  for (const char flag : flags) bits |= flag == 'S' ? 2U : flag == 'A' ? 16U : flag == 'F' ? 1U : flag == 'R' ? 4U : 0U;
  return bits;
}

std::vector<std::byte> options(const TcpScene& scene, const SegmentByHand& segment) {
  Builder out;
  if (std::string_view(segment.flags).contains('S')) {
    out.u16(0x0204);
    out.u16(scene.mss);
    if (scene.sack) out.u32(0x01010402);
  }
  if (scene.timestamps) {
    out.u32(0x0101080a);
    out.zeros(8);
  }
  if (!segment.sacked.empty()) {
    const std::size_t blocks = std::min<std::size_t>(segment.sacked.size(), 3);
    out.u16(0x0101);
    out.u8(5);
    out.u8(static_cast<unsigned>(2 + 8 * blocks));
    for (std::size_t index = 0; index < blocks; ++index) {
      out.u32(segment.sacked[index].first);
      out.u32(segment.sacked[index].second);
    }
  }
  return out.take();
}

/// The IP packet without its payload.
std::vector<std::byte> headers(const TcpScene& scene, const SegmentByHand& segment) {
  const auto tcp_options = options(scene, segment);
  Builder out;
  const IpAddress server = scene_server(scene);
  const IpAddress client = scene_client(scene);
  ip_header(out, {segment.from_server ? server : client, segment.from_server ? client : server, 6,
                  20 + tcp_options.size() + segment.payload_bytes});
  out.u16(segment.from_server ? scene.server_port : scene.client_port);
  out.u16(segment.from_server ? scene.client_port : scene.server_port);
  out.u32(segment.sequence);
  out.u32(segment.acknowledgment);
  out.u16(static_cast<unsigned>((20 + tcp_options.size()) / 4) << 12U | flag_bits(segment.flags));
  out.u16(segment.window);
  out.u32(0);
  out.append(tcp_options);
  return out.take();
}

StoredPacket stored(Builder& out, const TcpScene& scene, double at_seconds, std::uint32_t length) {
  StoredPacket packet;
  packet.at = std::chrono::system_clock::time_point(
      std::chrono::seconds(kStartSeconds) +
      std::chrono::duration_cast<std::chrono::system_clock::duration>(std::chrono::duration<double>(at_seconds)));
  packet.length_bytes = length;
  packet.bytes = out.take();
  if (packet.bytes.size() > scene.snap_bytes) packet.bytes.resize(scene.snap_bytes);
  return packet;
}

}  // namespace

CapturedPacket StoredPacket::view() const {
  CapturedPacket packet;
  packet.at = at;
  packet.link_type = 1;
  packet.length_bytes = length_bytes;
  packet.bytes = bytes;
  return packet;
}

IpAddress scene_server(const TcpScene& scene) {
  return *IpAddress::parse(scene.family == Family::kInet ? "203.0.113.10" : "2001:db8:9::10");
}

IpAddress scene_client(const TcpScene& scene) {
  return *IpAddress::parse(scene.family == Family::kInet ? "192.0.2.5" : "2001:db8:1::5");
}

StoredPacket segment_packet(const TcpScene& scene, const SegmentByHand& segment) {
  Builder out;
  ethernet(out, scene.family);
  out.append(headers(scene, segment));
  const auto length = static_cast<std::uint32_t>(out.size() + segment.payload_bytes);
  out.zeros(std::min<std::size_t>(segment.payload_bytes, 2000));
  return stored(out, scene, segment.at_seconds, length);
}

StoredPacket too_big_packet(const TcpScene& scene, const SegmentByHand& segment, std::uint32_t mtu_bytes) {
  const bool inet = scene.family == Family::kInet;
  auto quoted = headers(scene, segment);
  quoted.resize((inet ? 20U : 40U) + 8U);
  Builder out;
  ethernet(out, scene.family);
  ip_header(out, {*IpAddress::parse(inet ? "198.51.100.1" : "2001:db8:5::1"), scene_server(scene), inet ? 1U : 58U,
                  8 + quoted.size()});
  out.u16(inet ? 0x0304 : 0x0200);
  out.u16(0);
  out.u32(mtu_bytes);
  out.append(quoted);
  const auto length = static_cast<std::uint32_t>(out.size());
  return stored(out, scene, segment.at_seconds, length);
}

}  // namespace vpndoctor::test
