// SPDX-License-Identifier: Apache-2.0
// Resolves the target's text and refuses what is no single host. See the header.
#include "vpndoctor/resolve_target.h"

#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <string>

#include "host_name.h"
#include "name_lookup.h"
#include "vpndoctor/egress.h"

namespace vpndoctor {
namespace {

Family other(Family family) { return family == Family::kInet ? Family::kInet6 : Family::kInet; }

/// ::ffff:0:0/96 (RFC 4291 section 2.5.5.2): no packet on a wire carries one.
bool is_mapped_ipv4(const IpAddress& address) {
  const auto octets = address.octets();
  return address.family == Family::kInet6 &&
         std::ranges::all_of(octets.first(10), [](auto byte) { return byte == 0; }) && octets[10] == 0xff &&
         octets[11] == 0xff;
}

Result<void> check_one_host(const IpAddress& address, const std::string& host) {
  const char* kind = nullptr;
  if (address.is_unspecified()) kind = "the unspecified address";
  if (address.is_multicast()) kind = "a multicast address";
  if (address.is_limited_broadcast()) kind = "the broadcast address";
  if (is_mapped_ipv4(address)) kind = "an IPv4 address in IPv6 clothes";
  if (kind == nullptr) return {};
  return failure(ErrorKind::kUsage, fmt::format("'{}' is {}: a path leads to one host", shown_host(host), kind),
                 "name a host's own address");
}

/// IPv6 link-local addresses exist once on every link, so the zone is part of the address (RFC 4007 section 11).
Result<std::string> check_zone(const IpAddress& address, const std::string& zone, const std::string& host) {
  const bool needs_zone = address.family == Family::kInet6 && address.is_link_local();
  if (!needs_zone && zone.empty()) return std::string();
  if (!needs_zone) {
    return failure(ErrorKind::kUsage,
                   fmt::format("'{}' has a zone, which only link-local addresses (fe80::) have", shown_host(host)),
                   "leave out the part from % on");
  }
  if (zone.empty()) {
    return failure(ErrorKind::kUsage, fmt::format("'{}' is link-local: it exists on every link", shown_host(host)),
                   fmt::format("say on which: {}%eth0", address));
  }
  const bool numeric = std::ranges::all_of(zone, [](char c) { return c >= '0' && c <= '9'; });
  char name[IF_NAMESIZE];
  if (numeric && zone.size() < 10 && ::if_indextoname(static_cast<unsigned>(std::stoul(zone)), name) != nullptr) {
    return std::string(name);
  }
  if (const auto index = interface_index(zone); !index) return std::unexpected(index.error());
  return zone;
}

std::string scope_name(unsigned scope) {
  char name[IF_NAMESIZE];
  return scope != 0 && ::if_indextoname(scope, name) != nullptr ? std::string(name) : std::string();
}

std::unexpected<Error> wrong_family(const std::string& host, Family wanted, bool literal) {
  const auto kind = literal ? ErrorKind::kUsage : ErrorKind::kUnknownHost;
  return failure(
      kind, fmt::format("'{}' {} {} address", shown_host(host), literal ? "is no" : "has no", family_title(wanted)),
      fmt::format("leave out -{}", wanted == Family::kInet ? 4 : 6));
}

Result<Target> complete(Target target, const std::string& zone) {
  if (const auto one = check_one_host(target.address, target.host); !one) return std::unexpected(one.error());
  auto checked = check_zone(target.address, zone, target.host);
  if (!checked) return std::unexpected(checked.error());
  target.zone = std::move(*checked);
  return target;
}

Result<Target> resolve_name(const std::string& host, const std::string& name, std::optional<Family> wanted) {
  const auto found = look_up_name(name, host);
  if (!found) return std::unexpected(found.error());
  const Family family = wanted.value_or(found->front().address.family);
  const auto of = [&](Family f) {
    return std::ranges::find(*found, f, [](const ResolvedAddress& resolved) { return resolved.address.family; });
  };
  const auto chosen = of(family);
  if (chosen == found->end()) return wrong_family(host, family, false);
  Target target;
  target.host = host;
  target.address = chosen->address;
  if (const auto second = of(other(family)); second != found->end()) target.other_family = second->address;
  return complete(std::move(target), scope_name(chosen->scope));
}

}  // namespace

Result<Target> resolve_target(const std::string& host, std::optional<Family> wanted) {
  const auto split = split_host(host);
  if (!split) return std::unexpected(split.error());
  if (!split->literal) return resolve_name(host, split->name, wanted);
  if (wanted && split->literal->family != *wanted) return wrong_family(host, *wanted, true);
  Target target;
  target.host = host;
  target.address = *split->literal;
  return complete(std::move(target), split->zone);
}

}  // namespace vpndoctor
