// SPDX-License-Identifier: Apache-2.0
// Arithmetic on ranges of addresses. An address is two 64-bit numbers here; IPv4 uses the low 32 bits of the second.
#include "vpndoctor/prefix_set.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "address_number.h"

namespace vpndoctor {
namespace {

/// Ascending by address, wider ones first.
bool comes_before(const IpPrefix& left, const IpPrefix& right) {
  return left.address != right.address ? left.address < right.address : left.length < right.length;
}

/// Takes prefixes in order and keeps the fewest that cover the same: what the last one contains is dropped, and two
/// halves become a whole, again and again.
class Collector {
 public:
  void add(const IpPrefix& prefix) {
    if (!kept_.empty() && kept_.back().contains(prefix)) return;
    kept_.push_back(prefix);
    while (kept_.size() >= 2 && merge_last_two()) {
    }
  }

  std::vector<IpPrefix> take() { return std::move(kept_); }

 private:
  bool merge_last_two() {
    const IpPrefix& upper = kept_.back();
    const IpPrefix& lower = kept_[kept_.size() - 2];
    if (upper.length != lower.length || upper.length == 0 || upper.family() != lower.family()) return false;
    const IpPrefix whole = IpPrefix::of(lower.address, lower.length - 1U);
    if (whole.address != lower.address || !whole.contains(upper)) return false;
    kept_.pop_back();
    kept_.back() = whole;
    return true;
  }

  std::vector<IpPrefix> kept_;
};

}  // namespace

std::vector<IpPrefix> prefixes_of(const AddressRange& range) {
  const Family family = range.first.family;
  const unsigned bits = address_bits(family);
  std::vector<IpPrefix> prefixes;
  if (range.last < range.first) return prefixes;
  for_each_block(AddressNumber::of(range.first), AddressNumber::of(range.last), bits,
                 [&](const AddressNumber& first, unsigned host_bits) {
                   prefixes.push_back(IpPrefix::of(first.to_address(family), bits - host_bits));
                 });
  return prefixes;
}

std::vector<IpPrefix> aggregate(std::vector<IpPrefix> prefixes) {
  std::ranges::sort(prefixes, comes_before);
  Collector collector;
  for (const IpPrefix& prefix : prefixes) collector.add(prefix);
  return collector.take();
}

double share_of(const AddressRange& range, const IpPrefix& whole) {
  const IpAddress first = std::max(range.first, whole.address);
  const IpAddress last = std::min(range.last, whole.last_address());
  if (range.first.family != whole.family() || last < first) return 0;
  const int host_bits = static_cast<int>(address_bits(whole.family()) - whole.length);
  return std::ldexp(AddressNumber::of(first).count_to(AddressNumber::of(last)), -host_bits);
}

}  // namespace vpndoctor
