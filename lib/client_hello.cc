// SPDX-License-Identifier: Apache-2.0
// Builds the first bytes of TLS, SSH and HTTP by hand. Understands of the answers only the TLS version.
#include "vpndoctor/client_hello.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>

namespace vpndoctor {
namespace {

constexpr std::size_t kTlsRecordBytes = 16384;
constexpr std::uint32_t kSshPacketBytes = 32764;
constexpr std::size_t kHttpHeaderBytes = 8000;

constexpr std::array<std::uint8_t, 32> kX25519BasePoint = {9};
constexpr std::array<std::uint8_t, 65> kP256BasePoint = {
    0x04, 0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5, 0x63, 0xA4, 0x40, 0xF2,
    0x77, 0x03, 0x7D, 0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4, 0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2, 0x96, 0x4F,
    0xE3, 0x42, 0xE2, 0xFE, 0x1A, 0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A, 0x7C, 0x0F, 0x9E, 0x16, 0x2B, 0xCE,
    0x33, 0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB, 0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51, 0xF5};

constexpr std::uint16_t kX25519 = 0x001D;
constexpr std::uint16_t kP256 = 0x0017;
constexpr std::uint16_t kP384 = 0x0018;

// TLS 1.3 first, then forward-secret and plain RSA suites of TLS 1.2: a server of either generation finds one.
constexpr std::uint16_t kCipherSuites[] = {0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8,
                                           0xC013, 0xC014, 0xC009, 0xC00A, 0x009C, 0x009D, 0x002F, 0x0035, 0x00FF};
constexpr std::uint16_t kSignatureAlgorithms[] = {0x0403, 0x0503, 0x0603, 0x0807, 0x0804, 0x0805,
                                                  0x0806, 0x0401, 0x0501, 0x0601, 0x0201};

/// Collects bytes; a length in front of a vector is written when its end is known.
class Writer {
 public:
  void u8(std::size_t value) { bytes_.push_back(static_cast<std::byte>(value & 0xFF)); }
  void u16(std::size_t value) {
    u8(value >> 8);
    u8(value);
  }
  void octets(std::span<const std::uint8_t> octets) {
    for (const auto octet : octets) u8(octet);
  }
  void text(std::string_view text) {
    for (const char c : text) u8(static_cast<unsigned char>(c));
  }
  void u16_list(std::span<const std::uint16_t> values) {
    for (const auto value : values) u16(value);
  }
  /// Writes what `body` writes, with its length in `width` bytes before it.
  template <class Body>
  void sized(std::size_t width, Body body) {
    const std::size_t start = bytes_.size();
    bytes_.resize(start + width);
    body();
    const std::size_t length = bytes_.size() - start - width;
    for (std::size_t i = 0; i < width; ++i) {
      bytes_[start + i] = static_cast<std::byte>((length >> (8 * (width - 1 - i))) & 0xFF);
    }
  }
  template <class Body>
  void extension(std::uint16_t type, Body body) {
    u16(type);
    sized(2, body);
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

void write_server_name(Writer& writer, std::string_view name) {
  if (name.empty() || name.size() > 253) return;
  writer.extension(0, [&] {
    writer.sized(2, [&] {
      writer.u8(0);
      writer.sized(2, [&] { writer.text(name); });
    });
  });
}

void write_key_shares(Writer& writer) {
  writer.extension(51, [&] {
    writer.sized(2, [&] {
      writer.u16(kX25519);
      writer.sized(2, [&] { writer.octets(kX25519BasePoint); });
      writer.u16(kP256);
      writer.sized(2, [&] { writer.octets(kP256BasePoint); });
    });
  });
}

void write_extensions(Writer& writer, std::string_view server_name) {
  constexpr std::uint16_t kGroups[] = {kX25519, kP256, kP384};
  constexpr std::uint16_t kVersions[] = {0x0304, 0x0303};
  write_server_name(writer, server_name);
  writer.extension(10, [&] { writer.sized(2, [&] { writer.u16_list(kGroups); }); });
  writer.extension(11, [&] { writer.sized(1, [&] { writer.u8(0); }); });
  writer.extension(13, [&] { writer.sized(2, [&] { writer.u16_list(kSignatureAlgorithms); }); });
  writer.extension(43, [&] { writer.sized(1, [&] { writer.u16_list(kVersions); }); });
  writer.extension(45, [&] { writer.sized(1, [&] { writer.u8(1); }); });
  write_key_shares(writer);
}

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

/// A ServerHello that selects TLS 1.3 carries the supported_versions extension with 0x0304 (RFC 8446 section 4.2.1).
bool speaks_tls13(std::string_view reply) {
  constexpr std::string_view kSelected("\x00\x2b\x00\x02\x03\x04", 6);
  return reply.find(kSelected) != std::string_view::npos;
}

}  // namespace

std::vector<std::byte> client_hello(std::string_view server_name, const std::array<std::uint8_t, 32>& random) {
  Writer writer;
  writer.u8(22);
  writer.u16(0x0301);
  writer.sized(2, [&] {
    writer.u8(1);
    writer.sized(3, [&] {
      writer.u16(0x0303);
      writer.octets(random);
      writer.sized(1, [&] { writer.octets(random); });
      writer.sized(2, [&] { writer.u16_list(kCipherSuites); });
      writer.sized(1, [&] { writer.u8(0); });
      writer.sized(2, [&] { write_extensions(writer, server_name); });
    });
  });
  return writer.take();
}

Dialogue choose_dialogue(std::uint16_t port, std::string_view greeting) {
  if (greeting.starts_with("SSH-")) return Dialogue::kSsh;
  if (port == 22 && greeting.empty()) return Dialogue::kSsh;
  return port == 80 || port == 8080 ? Dialogue::kHttp : Dialogue::kTls;
}

std::vector<std::byte> opening_message(Dialogue dialogue, std::string_view server_name,
                                       const std::array<std::uint8_t, 32>& random) {
  switch (dialogue) {
    case Dialogue::kSsh:
      return bytes_of("SSH-2.0-vpndoctor\r\n");
    case Dialogue::kHttp:
      return bytes_of(fmt::format("GET / HTTP/1.1\r\nHost: {}\r\nUser-Agent: vpndoctor\r\n\r\n", server_name));
    case Dialogue::kTls:
      break;
  }
  return client_hello(server_name, random);
}

std::size_t longest_unfinished_message(Dialogue dialogue) {
  switch (dialogue) {
    case Dialogue::kSsh:
      return kSshPacketBytes;
    case Dialogue::kHttp:
      return kHttpHeaderBytes;
    case Dialogue::kTls:
      break;
  }
  return kTlsRecordBytes;
}

std::vector<std::byte> unfinished_message(Dialogue dialogue, std::string_view reply, std::size_t size) {
  if (size > longest_unfinished_message(dialogue)) return {};
  Writer writer;
  if (dialogue == Dialogue::kHttp) {
    writer.text("GET / HTTP/1.1\r\nX-Filler: ");
  } else if (dialogue == Dialogue::kSsh) {
    writer.u16(kSshPacketBytes >> 16);
    writer.u16(kSshPacketBytes & 0xFFFF);
    writer.u8(4);
  } else {
    writer.u8(speaks_tls13(reply) ? 23 : 22);
    writer.u16(0x0303);
    writer.u16(kTlsRecordBytes);
  }
  std::vector<std::byte> bytes = writer.take();
  bytes.resize(size, dialogue == Dialogue::kHttp ? std::byte{'x'} : std::byte{0});
  return bytes;
}

}  // namespace vpndoctor
