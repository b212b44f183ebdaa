// SPDX-License-Identifier: Apache-2.0
// What RTA_ENCAP holds, in the words that `ip route add ... encap` takes. Reads the kernel's attributes (include/uapi/
// linux/{lwtunnel,mpls_iptunnel,seg6_iptunnel}.h) from their raw bytes; what it does not know it names by its number.
#include <fmt/format.h>

#include <cstring>
#include <optional>
#include <vector>

#include "vpndoctor/route_words.h"

namespace vpndoctor {
namespace {

enum LwtunnelType : std::uint16_t { kMpls = 1, kIp = 2, kIp6 = 4, kSeg6 = 5 };

constexpr std::size_t kHeaderBytes = 4;
constexpr std::uint16_t kTypeMask = 0x3fff;  // without NLA_F_NESTED and NLA_F_NET_BYTEORDER

std::size_t aligned(std::size_t bytes) { return (bytes + 3) & ~std::size_t{3}; }

std::uint16_t host_u16(std::string_view bytes) {
  std::uint16_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

/// The payload of the first attribute of a type; nullopt when there is none or the bytes are cut.
std::optional<std::string_view> attribute(std::string_view bytes, std::uint16_t type) {
  while (bytes.size() >= kHeaderBytes) {
    const std::size_t length = host_u16(bytes);
    if (length < kHeaderBytes || length > bytes.size()) return std::nullopt;
    if ((host_u16(bytes.substr(2)) & kTypeMask) == type) return bytes.substr(kHeaderBytes, length - kHeaderBytes);
    bytes.remove_prefix(std::min(aligned(length), bytes.size()));
  }
  return std::nullopt;
}

std::uint64_t network_number(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes.substr(0, sizeof value)) value = value << 8U | static_cast<std::uint8_t>(byte);
  return value;
}

std::optional<IpAddress> address_in(std::string_view bytes) {
  return IpAddress::from_bytes(std::as_bytes(std::span(bytes.data(), bytes.size())));
}

/// RFC 3032: 20 bits of label, then class, bottom of stack and TTL.
std::string mpls_text(std::string_view bytes) {
  constexpr unsigned kLabelShift = 12;
  const auto stack = attribute(bytes, 1);
  if (!stack || stack->empty() || stack->size() % 4 != 0) return "";
  std::string text = "mpls ";
  for (std::size_t at = 0; at < stack->size(); at += 4) {
    fmt::format_to(std::back_inserter(text), "{}{}", at == 0 ? "" : "/",
                   network_number(stack->substr(at, 4)) >> kLabelShift);
  }
  const auto ttl = attribute(bytes, 2);
  if (ttl && ttl->size() == 1) text += fmt::format(" ttl {}", network_number(*ttl));
  return text;
}

/// A field of encap ip and ip6, in the order in which iproute2 prints them.
struct IpField {
  std::uint16_t type;
  const char* word;
};

void add_flags(std::string_view bytes, std::string& text) {
  // TUNNEL_CSUM, TUNNEL_SEQ, TUNNEL_KEY of include/net/ip_tunnels.h.
  constexpr std::uint64_t kChecksum = 0x01;
  constexpr std::uint64_t kKey = 0x04;
  constexpr std::uint64_t kSequence = 0x08;
  const auto flags = attribute(bytes, 6);
  if (!flags || flags->size() != 2) return;
  const std::uint64_t value = network_number(*flags);
  if ((value & kKey) != 0) text += " key";
  if ((value & kChecksum) != 0) text += " csum";
  if ((value & kSequence) != 0) text += " seq";
}

std::string ip_text(std::string_view bytes, std::uint16_t kind) {
  const bool inet = kind == kIp;
  std::string text = inet ? "ip" : "ip6";
  if (const auto id = attribute(bytes, 1); id && id->size() == 8) text += fmt::format(" id {}", network_number(*id));
  for (const IpField field : {IpField{3, "src"}, IpField{2, "dst"}}) {
    const auto payload = attribute(bytes, field.type);
    const auto address = payload ? address_in(*payload) : std::nullopt;
    if (address && !address->is_unspecified()) text += fmt::format(" {} {}", field.word, *address);
  }
  for (const IpField field : {IpField{4, inet ? "ttl" : "hoplimit"}, IpField{5, inet ? "tos" : "tc"}}) {
    const auto payload = attribute(bytes, field.type);
    const std::uint64_t value = payload && payload->size() == 1 ? network_number(*payload) : 0;
    if (value != 0) text += fmt::format(" {} {}", field.word, value);
  }
  add_flags(bytes, text);
  return text;
}

/// struct seg6_iptunnel_encap: the mode, then a segment routing header (RFC 8754) with the last segment first.
std::string seg6_text(std::string_view bytes) {
  constexpr std::array kModes = {"inline", "encap", "l2encap", "encap.red", "l2encap.red"};
  constexpr std::size_t kModeBytes = 4;
  constexpr std::size_t kRoutingHeaderBytes = 8;
  constexpr std::size_t kSegmentBytes = 16;
  const auto payload = attribute(bytes, 1);
  if (!payload || payload->size() < kModeBytes + kRoutingHeaderBytes) return "";
  std::uint32_t mode = 0;
  std::memcpy(&mode, payload->data(), sizeof mode);
  if (mode >= kModes.size()) return "";
  const std::string_view header = payload->substr(kModeBytes);
  const std::size_t segments = static_cast<std::uint8_t>(header[4]) + std::size_t{1};
  if (header.size() < kRoutingHeaderBytes + segments * kSegmentBytes) return "";
  std::string text = fmt::format("seg6 mode {} segs ", kModes[mode]);
  // In inline mode the last one is the packet's own destination, which iproute2 leaves room for by itself.
  const std::size_t last = mode == 0 && segments > 1 ? 1 : 0;
  for (std::size_t i = segments; i-- > last;) {
    const auto segment = address_in(header.substr(kRoutingHeaderBytes + i * kSegmentBytes, kSegmentBytes));
    if (segment) text += fmt::format("{}{}", *segment, i == last ? "" : ",");
  }
  return text;
}

}  // namespace

std::string encapsulation_text(const Encapsulation& encapsulation) {
  if (encapsulation.type == 0) return "";
  std::string text;
  if (encapsulation.type == kMpls) text = mpls_text(encapsulation.attributes);
  if (encapsulation.type == kIp || encapsulation.type == kIp6) {
    text = ip_text(encapsulation.attributes, encapsulation.type);
  }
  if (encapsulation.type == kSeg6) text = seg6_text(encapsulation.attributes);
  return text.empty() ? fmt::format("type {}", encapsulation.type) : text;
}

}  // namespace vpndoctor
