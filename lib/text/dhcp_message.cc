// SPDX-License-Identifier: Apache-2.0
// Decodes a DHCP message that a server sent (RFC 2131 section 2, options RFC 2132, long options RFC 3396, classless
// routes RFC 3442). Knows the bytes alone.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "text/configuration_text.h"

namespace vpndoctor {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kHeaderBytes = 236;
constexpr std::size_t kOptionsAt = 240;
constexpr std::size_t kServerNameAt = 44;
constexpr std::size_t kFileAt = 108;
constexpr std::uint32_t kForever = 0xffffffff;

enum Option : std::uint8_t {
  kPad = 0,
  kSubnetMask = 1,
  kRouters = 3,
  kStaticRoutes = 33,
  kLeaseTime = 51,
  kOverload = 52,
  kClasslessRoutes = 121,
  kEnd = 255,
};

/// The options of a message by number, each joined from its parts.
using Options = std::map<std::uint8_t, std::string>;

std::unexpected<Error> fault(std::size_t at, std::string_view what) {
  return failure(ErrorKind::kUsage, fmt::format("not a DHCP message: at byte {}, {}", at, what));
}

std::uint8_t octet(Bytes bytes, std::size_t at) { return std::to_integer<std::uint8_t>(bytes[at]); }

/// Reads the options that lie in one part of the message, which begins at byte `base`.
Result<void> read_options(Bytes part, std::size_t base, Options& options) {
  for (std::size_t at = 0; at < part.size();) {
    const std::uint8_t number = octet(part, at++);
    if (number == kPad) continue;
    if (number == kEnd) return {};
    if (at == part.size()) return fault(base + at, fmt::format("option {} has no length", number));
    const std::size_t length = octet(part, at++);
    if (length > part.size() - at) return fault(base + at, fmt::format("option {} is cut off", number));
    const Bytes value = part.subspan(at, length);
    options[number].append(reinterpret_cast<const char*>(value.data()), value.size());
    at += length;
  }
  return {};
}

/// Reads the options, and those in the fields that option 52 gives to them.
Result<Options> all_options(Bytes message) {
  Options options;
  if (auto read = read_options(message.subspan(kOptionsAt), kOptionsAt, options); !read) {
    return std::unexpected(read.error());
  }
  const int overload = options.contains(kOverload) && !options[kOverload].empty() ? options[kOverload][0] : 0;
  if ((overload & 1) != 0) {
    auto read = read_options(message.subspan(kFileAt, 128), kFileAt, options);
    if (!read) return std::unexpected(read.error());
  }
  if ((overload & 2) != 0) {
    auto read = read_options(message.subspan(kServerNameAt, 64), kServerNameAt, options);
    if (!read) return std::unexpected(read.error());
  }
  return options;
}

Bytes value_of(const Options& options, std::uint8_t number) {
  const auto found = options.find(number);
  return found == options.end() ? Bytes{} : std::as_bytes(std::span(found->second));
}

IpAddress address_at(Bytes bytes, std::size_t at) { return *IpAddress::from_bytes(bytes.subspan(at, 4)); }

ConfiguredWay way(const IpPrefix& destination, const IpAddress& gateway, Option option) {
  ConfiguredWay made;
  made.destination = destination;
  if (!gateway.is_unspecified()) made.gateway = gateway;
  made.place = fmt::format("option {}", static_cast<int>(option));
  return made;
}

/// Options 33 (a classful destination is meant as a host by the clients of today) and 3.
void take_old_routes(const Options& options, InterfaceConfiguration& lease) {
  const Bytes pairs = value_of(options, kStaticRoutes);
  for (std::size_t at = 0; at + 8 <= pairs.size(); at += 8) {
    add_way(lease, way(IpPrefix::host(address_at(pairs, at)), address_at(pairs, at + 4), kStaticRoutes));
  }
  const Bytes routers = value_of(options, kRouters);
  for (std::size_t at = 0; at + 4 <= routers.size(); at += 4) {
    const IpAddress router = address_at(routers, at);
    if (!router.is_unspecified()) add_way(lease, way(IpPrefix::everything(Family::kInet), router, kRouters));
  }
}

void take_lease_time(Bytes value, InterfaceConfiguration& lease) {
  if (value.size() != 4) return;
  std::uint32_t seconds = 0;
  for (std::size_t i = 0; i < 4; ++i) seconds = seconds << 8U | octet(value, i);
  if (seconds == kForever) {
    lease.never_expires = true;
  } else {
    lease.lifetime = std::chrono::seconds(seconds);
  }
}

}  // namespace

Result<InterfaceConfiguration> parse_dhcp_message(Bytes message) {
  if (message.size() < kOptionsAt) return fault(message.size(), "it ends before the options");
  constexpr std::array<std::uint8_t, 4> kCookie = {99, 130, 83, 99};
  for (std::size_t i = 0; i < kCookie.size(); ++i) {
    if (octet(message, kHeaderBytes + i) != kCookie.at(i)) return fault(kHeaderBytes, "the magic cookie is missing");
  }
  const Result<Options> options = all_options(message);
  if (!options) return std::unexpected(options.error());
  InterfaceConfiguration lease;
  lease.manager = ConfigurationManager::kDhcpcd;
  lease.is_lease = true;
  const IpAddress address = address_at(message, 16);
  if (address.is_unspecified()) return fault(16, "it gives no address");
  const Bytes mask = value_of(*options, kSubnetMask);
  lease.addresses.push_back({address, mask.size() == 4 ? mask_length(address_at(mask, 0)) : std::nullopt});
  take_lease_time(value_of(*options, kLeaseTime), lease);
  const Bytes classless = value_of(*options, kClasslessRoutes);
  auto ways = parse_classless_routes(classless, "option 121");
  if (!ways) return std::unexpected(ways.error());
  for (ConfiguredWay& each : *ways) add_way(lease, std::move(each));
  if (classless.empty()) take_old_routes(*options, lease);
  return lease;
}

}  // namespace vpndoctor
