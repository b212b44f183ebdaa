// SPDX-License-Identifier: Apache-2.0
// The registry: the rows of every field, found by code or slug.
#include "vpndoctor/codes.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "codes_bypass.h"
#include "codes_capture.h"
#include "codes_dns.h"
#include "codes_dns_wire.h"
#include "codes_firewall.h"
#include "codes_leaks.h"
#include "codes_mtu.h"
#include "codes_routes.h"
#include "codes_tunnel.h"

namespace vpndoctor {
namespace {

/// Joins the parts at compile time, in the order of their codes.
template <std::size_t... kSizes>
constexpr auto join(const std::array<CodeEntry, kSizes>&... parts) {
  std::array<CodeEntry, (kSizes + ...)> all{};
  std::size_t next = 0;
  (std::ranges::for_each(parts, [&](const CodeEntry& entry) { all[next++] = entry; }), ...);
  return all;
}

constexpr auto kCodes = join(kDnsCodes, kDnsWireCodes, kFirewallCodes, kLeaksCodes, kCaptureCodes, kBypassCodes,
                             kMtuCodes, kRoutesCodes, kTunnelCodes);
static_assert(std::ranges::is_sorted(kCodes, {}, &CodeEntry::code));

constexpr char to_lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, {}, to_lower, to_lower);
}

}  // namespace

std::span<const CodeEntry> all_codes() { return kCodes; }

const CodeEntry* find_code(std::string_view code_or_slug) {
  const auto found = std::ranges::find_if(kCodes, [&](const CodeEntry& entry) {
    return equal_ignoring_case(entry.code, code_or_slug) || equal_ignoring_case(entry.slug, code_or_slug);
  });
  return found == kCodes.end() ? nullptr : &*found;
}

}  // namespace vpndoctor
