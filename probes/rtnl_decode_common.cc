// SPDX-License-Identifier: Apache-2.0
// What several rtnetlink messages have in common; see rtnl_decode.h.
#include <fmt/format.h>
#include <sys/socket.h>

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

void take_encapsulation_type(const NetlinkAttribute& attribute, Encapsulation& encapsulation) {
  encapsulation.type = attribute.as<std::uint16_t>().value_or(0);
}

void take_encapsulation(const NetlinkAttribute& attribute, Encapsulation& encapsulation) {
  encapsulation.attributes.assign(reinterpret_cast<const char*>(attribute.payload.data()), attribute.payload.size());
}

}  // namespace vpndoctor
