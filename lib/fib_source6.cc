// SPDX-License-Identifier: Apache-2.0
// The comparison of source addresses, rule by rule, as one number an address: the larger one wins, the first of equals.
#include "fib_source6.h"

#include <algorithm>
#include <array>
#include <bit>

#include "fib_index.h"

namespace vpndoctor {
namespace {

constexpr std::int8_t kNoScope = -1;
constexpr std::int8_t kLinkScope = 2;
constexpr std::int8_t kSiteScope = 5;
constexpr std::int8_t kGlobalScope = 14;

constexpr Uint128 prefix_key(std::uint64_t high, std::uint64_t low = 0) { return Uint128{high} << 64U | low; }

bool starts_with(Uint128 address, Uint128 prefix, unsigned length) {
  return length == 0 || (address ^ prefix) >> (128U - length) == 0;
}

bool is_multicast(Uint128 address) { return address >> 120U == 0xff; }

// net/ipv6/addrconf_core.c __ipv6_addr_type(): the scope in its upper half
std::int8_t scope_of(Uint128 address) {
  if (address == 0) return kNoScope;
  if (is_multicast(address)) return static_cast<std::int8_t>(static_cast<unsigned>(address >> 112U) & 0xfU);
  if (address == 1 || starts_with(address, prefix_key(0xfe80000000000000), 10)) return kLinkScope;
  return starts_with(address, prefix_key(0xfec0000000000000), 10) ? kSiteScope : kGlobalScope;
}

struct LabelEntry {
  Uint128 prefix;
  unsigned length;
  std::uint8_t label;
};

// net/ipv6/addrlabel.c ip6addrlbl_init_table[], the longest prefix first
constexpr std::array<LabelEntry, 10> kLabels{{
    {prefix_key(0, 1), 128, 0},
    {prefix_key(0, 0), 96, 3},
    {prefix_key(0, 0x0000ffff00000000), 96, 4},
    {prefix_key(0x2001000000000000), 32, 6},
    {prefix_key(0x2001001000000000), 28, 7},
    {prefix_key(0x2002000000000000), 16, 2},
    {prefix_key(0x3ffe000000000000), 16, 12},
    {prefix_key(0xfec0000000000000), 10, 11},
    {prefix_key(0xfc00000000000000), 7, 5},
    {prefix_key(0), 0, 1},
}};

std::uint8_t label_of(Uint128 address) {
  const auto* const found = std::ranges::find_if(
      kLabels, [&](const LabelEntry& entry) { return starts_with(address, entry.prefix, entry.length); });
  return found->label;
}

bool is_orchid(Uint128 address) { return starts_with(address, prefix_key(0x2001001000000000), 28); }

// ipv6_saddr_preferred(): mapped, compatible and loopback addresses are never avoided.
bool is_always_preferred(Uint128 address) { return address >> 32U == 0xffff || (address >> 32U == 0 && address != 0); }

bool may_be_source(const Address& address) {
  if (is_multicast(key_of<Uint128>(address.address)) || address.address.is_unspecified()) return false;
  return (address.flags & kAddressTentative) == 0 || (address.flags & kAddressOptimistic) != 0;
}

Source6 source_of(const FibIndex& index, LinkId link, const Address& address) {
  const Uint128 key = key_of<Uint128>(address.address);
  const InterfaceSettings* settings = index.links[link].inet6;
  const bool wants_temporary = settings != nullptr && settings->use_temporary_addresses.value_or(0) >= 2;
  Source6 source{.address = &address.address, .key = key, .link = link, .l3mdev = index.links[link].l3mdev};
  source.scope = scope_of(key);
  source.label = label_of(key);
  source.prefix_length = address.prefix_length;
  source.preferred = is_always_preferred(key) || (address.flags & (kAddressDeprecated | kAddressOptimistic)) == 0;
  source.home = (address.flags & kAddressHome) != 0;
  source.private_enough = address.is_temporary() == wants_temporary;
  source.orchid = is_orchid(key);
  source.optimistic = (address.flags & kAddressOptimistic) != 0;
  return source;
}

/// What all candidates are compared against.
struct Destination6 {
  Uint128 key = 0;
  LinkId out = kNoLink;
  std::int8_t scope = 0;
  std::uint8_t label = 0;
  bool orchid = false;
};

unsigned common_bits(Uint128 left, Uint128 right) {
  const Uint128 different = left ^ right;
  const auto high = static_cast<std::uint64_t>(different >> 64U);
  if (high != 0) return static_cast<unsigned>(std::countl_zero(high));
  return 64U + static_cast<unsigned>(std::countl_zero(static_cast<std::uint64_t>(different)));
}

// ipv6_get_saddr_eval(), rule 2: a scope that is large enough beats one that is not; of the former the smallest, of the
// latter the largest.
unsigned scope_score(const Source6& source, const Destination6& target) {
  const int score = source.scope >= target.scope ? -source.scope : source.scope - 128;
  return static_cast<unsigned>(score + 256);
}

// The rules of ipv6_get_saddr_eval() in their order, each in its bits.
std::uint64_t score_of(const Source6& source, const Destination6& target) {
  std::uint64_t score = source.key == target.key ? 1 : 0;
  score = score << 9U | scope_score(source, target);
  score = score << 1U | (source.preferred ? 1U : 0U);
  score = score << 1U | (source.home ? 1U : 0U);
  score = score << 1U | (target.out == kNoLink || target.out == source.link ? 1U : 0U);
  score = score << 1U | (source.label == target.label ? 1U : 0U);
  score = score << 1U | (source.private_enough ? 1U : 0U);
  score = score << 1U | (source.orchid == target.orchid ? 1U : 0U);
  score = score << 8U | std::min<unsigned>(common_bits(source.key, target.key), source.prefix_length);
  return score << 1U | (source.optimistic ? 0U : 1U);
}

}  // namespace

std::vector<Source6> list_sources6(const FibIndex& index) {
  std::vector<Source6> sources;
  for (LinkId link = 1; link < index.links.size(); ++link) {
    for (const Address* address : index.links[link].inet6_addresses) {
      if (may_be_source(*address)) sources.push_back(source_of(index, link, *address));
    }
  }
  return sources;
}

const IpAddress* choose_source6(const FibIndex& index, std::uint32_t out, const IpAddress& destination) {
  Destination6 target{.key = key_of<Uint128>(destination), .out = out};
  target.scope = scope_of(target.key);
  target.label = label_of(target.key);
  target.orchid = is_orchid(target.key);
  const bool same_link = out != kNoLink && (is_multicast(target.key) || target.scope <= kLinkScope);
  const LinkId domain = index.links[out].l3mdev;
  const Source6* best = nullptr;
  std::uint64_t best_score = 0;
  for (const Source6& source : index.sources6) {
    if (same_link ? source.link != out : source.l3mdev != domain) continue;
    const std::uint64_t score = score_of(source, target);
    if (best != nullptr && score <= best_score) continue;
    best = &source;
    best_score = score;
  }
  return best == nullptr ? nullptr : best->address;
}

}  // namespace vpndoctor
