// SPDX-License-Identifier: Apache-2.0
// Each lie starts from the honest message and spoils one thing, so that only a check of that thing finds it.
#include "forge.h"

#include <algorithm>

namespace vpndoctor::lab {
namespace {

using Kind = ForgeConfig::Kind;

std::size_t outer_header_bytes(BytesView packet) { return packet[0] >> 4 == 4 ? 20U : 40U; }

/// Returns the upper layer of `packet` so that it can be changed and wrapped again.
Bytes upper_layer(BytesView packet) {
  return {packet.begin() + static_cast<std::ptrdiff_t>(outer_header_bytes(packet)), packet.end()};
}

std::uint8_t icmp_protocol(Family family) { return family == Family::kInet ? kProtocolIcmp : kProtocolIcmp6; }

std::uint32_t claimed_mtu(const ForgeConfig& config, BytesView passing) {
  if (config.kind == Kind::kAboveProbe) return static_cast<std::uint32_t>(passing.size()) + 100;
  if (config.kind == Kind::kBelowMinimum) return passing[0] >> 4 == 4 ? 60 : 1000;
  return config.mtu_bytes;
}

Bytes echo_reply_with_options(const IpAddress& from, const PacketView& passing) {
  const bool is_ipv4 = passing.family() == Family::kInet;
  Bytes icmp(passing.payload.begin(), passing.payload.end());
  icmp.resize(std::max<std::size_t>(icmp.size(), 8));
  icmp[0] = is_ipv4 ? 0 : 200;
  return ip_packet({from, passing.source, icmp_protocol(passing.family()), 10}, std::move(icmp));
}

}  // namespace

Bytes foreign_too_big(const IcmpError& error, BytesView passing) {
  auto message = icmp_error(error, passing);
  if (!message) return {};
  Bytes icmp = upper_layer(*message);
  const std::size_t quoted_upper = 8 + outer_header_bytes(passing);
  for (std::size_t at = quoted_upper; at < std::min(icmp.size(), quoted_upper + 8); ++at) icmp[at] ^= 0x5a;
  const auto view = parse_packet(*message);
  return ip_packet({view->source, view->destination, view->protocol}, std::move(icmp));
}

Bytes forged_message(const ForgeConfig& config, const IpAddress& from, BytesView passing) {
  const auto view = parse_packet(passing);
  if (!view) return {};
  const std::uint8_t protocol = icmp_protocol(view->family());
  if (config.kind == Kind::kTinyIcmp) {
    return ip_packet({from, view->source, protocol},
                     {static_cast<std::uint8_t>(protocol == kProtocolIcmp ? 0 : 129), 0, 0, 0});
  }
  if (config.kind == Kind::kOptions) return echo_reply_with_options(from, *view);
  const IcmpError error{IcmpError::Kind::kTooBig, claimed_mtu(config, passing), from};
  if (config.kind == Kind::kForeign) return foreign_too_big(error, passing);
  auto message = icmp_error(error, passing);
  if (!message) return {};
  if (config.kind == Kind::kShort) {
    Bytes icmp = upper_layer(*message);
    icmp.resize(8 + outer_header_bytes(passing));
    return ip_packet({from, view->source, protocol}, std::move(icmp));
  }
  if (config.kind == Kind::kBadChecksum) message->at(outer_header_bytes(*message) + 2) ^= 0xff;
  return *message;
}

}  // namespace vpndoctor::lab
