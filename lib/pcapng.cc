// SPDX-License-Identifier: Apache-2.0
// Blocks of pcapng; see the header. Numbers are little-endian, as the section's byte-order magic tells a reader.
#include "vpndoctor/pcapng.h"

#include <chrono>

namespace vpndoctor {
namespace {

constexpr std::uint32_t kSectionBlock = 0x0a0d0d0a;
constexpr std::uint32_t kInterfaceBlock = 1;
constexpr std::uint32_t kPacketBlock = 6;
constexpr std::uint16_t kComment = 1;
constexpr std::uint16_t kApplication = 4;    // shb_userappl
constexpr std::uint16_t kInterfaceName = 2;  // if_name
constexpr std::uint16_t kResolution = 9;     // if_tsresol
constexpr std::uint16_t kFlags = 2;          // epb_flags: 1 inbound, 2 outbound
constexpr std::size_t kMostText = 1024;

void append(std::string& bytes, std::uint64_t value, unsigned size) {
  for (unsigned i = 0; i < size; ++i) bytes += static_cast<char>(value >> 8U * i & 0xffU);
}

std::string_view text_of(const CapturedPacket& packet) {
  return {reinterpret_cast<const char*>(packet.bytes.data()), packet.bytes.size()};
}

std::uint64_t nanoseconds_of(const CapturedPacket& packet) {
  const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(packet.at.time_since_epoch()).count();
  return since < 0 ? 0 : static_cast<std::uint64_t>(since);
}

class Block {
 public:
  explicit Block(std::uint32_t type) {
    u32(type);
    u32(0);
  }
  Block& u16(std::uint32_t value) { return number(value, 2); }
  Block& u32(std::uint32_t value) { return number(value, 4); }
  Block& padded(std::string_view bytes) {
    bytes_ += bytes;
    while (bytes_.size() % 4 != 0) bytes_ += '\0';
    return *this;
  }
  Block& option(std::uint16_t code, std::string_view value) {
    has_options_ = true;
    return u16(code).u16(static_cast<std::uint32_t>(value.size())).padded(value);
  }
  Block& text(std::uint16_t code, std::string_view value) {
    return value.empty() ? *this : option(code, value.substr(0, kMostText));
  }
  /// Closes the options, and puts the length at both ends.
  std::string take() {
    if (has_options_) u32(0);
    const auto length = static_cast<std::uint32_t>(bytes_.size() + 4);
    u32(length);
    bytes_.replace(4, 4, bytes_, bytes_.size() - 4, 4);
    return std::move(bytes_);
  }

 private:
  Block& number(std::uint32_t value, unsigned size) {
    append(bytes_, value, size);
    return *this;
  }

  std::string bytes_;
  bool has_options_ = false;
};

/// Linux numbers some link types otherwise than files do: raw IP is 12 there and 101 in a file.
int file_link_type(int link_type) { return link_type == 12 || link_type == 14 ? 101 : link_type; }

}  // namespace

std::string pcapng_section(std::string_view application) {
  Block block(kSectionBlock);
  block.u32(0x1a2b3c4d).u16(1).u16(0).u32(0xffffffff).u32(0xffffffff);
  return block.text(kApplication, application).take();
}

std::string pcapng_interface(std::string_view name, int link_type, std::uint32_t snap_bytes) {
  Block block(kInterfaceBlock);
  block.u16(static_cast<std::uint32_t>(file_link_type(link_type))).u16(0).u32(snap_bytes);
  return block.text(kInterfaceName, name).option(kResolution, "\x09").take();
}

std::string pcapng_packet(std::uint32_t interface, const CapturedPacket& packet, std::string_view comment) {
  const std::uint64_t time = nanoseconds_of(packet);
  const auto size = static_cast<std::uint32_t>(packet.bytes.size());
  Block block(kPacketBlock);
  block.u32(interface).u32(static_cast<std::uint32_t>(time >> 32U)).u32(static_cast<std::uint32_t>(time & 0xffffffffU));
  block.u32(size).u32(packet.length_bytes);
  block.padded(text_of(packet));
  return block.text(kComment, comment).option(kFlags, {"\x02\0\0\0", 4}).take();
}

std::string pcap_file_header(int link_type, std::uint32_t snap_bytes) {
  std::string bytes;
  append(bytes, 0xa1b23c4d, 4);
  append(bytes, 2, 2);
  append(bytes, 4, 2);
  append(bytes, 0, 8);
  append(bytes, snap_bytes, 4);
  append(bytes, static_cast<std::uint64_t>(file_link_type(link_type)), 4);
  return bytes;
}

std::string pcap_packet(const CapturedPacket& packet) {
  constexpr std::uint64_t kSecond = 1'000'000'000;
  const std::uint64_t time = nanoseconds_of(packet);
  std::string bytes;
  append(bytes, time / kSecond, 4);
  append(bytes, time % kSecond, 4);
  append(bytes, packet.bytes.size(), 4);
  append(bytes, packet.length_bytes, 4);
  bytes += text_of(packet);
  return bytes;
}

}  // namespace vpndoctor
