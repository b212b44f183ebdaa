// SPDX-License-Identifier: Apache-2.0
// What several rtnetlink messages have in common; see rtnl_decode.h.
#include <fmt/format.h>
#include <linux/lwtunnel.h>
#include <sys/socket.h>

#include <algorithm>
#include <span>

#include "rtnl_decode.h"

namespace vpndoctor {

std::optional<Family> ip_family(std::uint8_t family) {
  if (family == AF_INET) return Family::kInet;
  if (family == AF_INET6) return Family::kInet6;
  return std::nullopt;
}

std::optional<IpAddress> address_of(Bytes payload, Family family) {
  auto address = IpAddress::from_bytes(payload);
  return address && address->family == family ? address : std::nullopt;
}

std::string hardware_address_text(Bytes address) {
  std::string text;
  for (const std::byte each : address) {
    text += fmt::format("{}{:02x}", text.empty() ? "" : ":", static_cast<unsigned>(each));
  }
  return text;
}

namespace {

/// Counters of packets are no configuration: that there are some is. The attribute and its length stay, for the kernel
/// wants it whole (net/ipv6/seg6_local.c parse_nla_counters()).
void clear_counters(Encapsulation& encapsulation) {
  constexpr std::uint16_t kCounters = 10;  // SEG6_LOCAL_COUNTERS, Linux 5.14
  if (encapsulation.type != LWTUNNEL_ENCAP_SEG6_LOCAL) return;
  const Bytes bytes = std::as_bytes(std::span(encapsulation.attributes));
  const auto counters = find_attribute(bytes, kCounters);
  Bytes rest = counters ? counters->payload : Bytes();
  while (const auto counter = next_attribute(rest)) {
    const auto at = counter->payload.data() - bytes.data();
    std::fill_n(encapsulation.attributes.begin() + at, counter->payload.size(), '\0');
  }
}

}  // namespace

void take_encapsulation_type(const NetlinkAttribute& attribute, Encapsulation& encapsulation) {
  encapsulation.type = attribute.as<std::uint16_t>().value_or(0);
  clear_counters(encapsulation);
}

void take_encapsulation(const NetlinkAttribute& attribute, Encapsulation& encapsulation) {
  encapsulation.attributes.assign(reinterpret_cast<const char*>(attribute.payload.data()), attribute.payload.size());
  clear_counters(encapsulation);
}

}  // namespace vpndoctor
