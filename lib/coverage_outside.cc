// SPDX-License-Identifier: Apache-2.0
// Makes the lists; see the header.
#include "coverage_outside.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace vpndoctor {
namespace {

bool is_one_way(const OutsidePrefix& left, const OutsidePrefix& right) {
  return left.address_class == right.address_class && left.interface == right.interface &&
         left.gateway == right.gateway && left.protocol == right.protocol;
}

}  // namespace

void OutsideList::add(const AddressNumber& first, const AddressNumber& last, OutsidePrefix pattern) {
  if (row_ && row_->last.next() == first && is_one_way(row_->pattern, pattern)) {
    row_->last = last;
    return;
  }
  close();
  row_ = Row{first, last, std::move(pattern)};
}

void OutsideList::close() {
  if (!row_) return;
  OutsideWay* way = find_way();
  const unsigned bits = address_bits(family_);
  for_each_block(row_->first, row_->last, bits, [&](const AddressNumber& first, unsigned host_bits) {
    const unsigned length = bits - host_bits;
    if (way != nullptr && (way->prefixes_count++ == 0 || length < way->largest.prefix.length)) {
      way->largest.prefix = IpPrefix::of(first.to_address(family_), length);
    }
    is_cut_ = prefixes_.size() >= kMostOutside;
    if (is_cut_) return;
    prefixes_.push_back(row_->pattern);
    prefixes_.back().prefix = IpPrefix::of(first.to_address(family_), length);
  });
  if (way != nullptr) way->share += std::ldexp(row_->first.count_to(row_->last), -static_cast<int>(bits));
  row_.reset();
}

/// The way of the row; null when there are too many others.
OutsideWay* OutsideList::find_way() {
  const OutsidePrefix& pattern = row_->pattern;
  WayKey key{pattern.gateway, pattern.protocol, pattern.address_class, pattern.interface};
  const auto known = ways_.find(key);
  if (known != ways_.end()) return &known->second;
  if (ways_.size() == kMostOutside) return nullptr;
  return &ways_.emplace(std::move(key), OutsideWay{.largest = pattern}).first->second;
}

std::vector<OutsideWay> OutsideList::take_ways() {
  std::vector<OutsideWay> ways;
  ways.reserve(ways_.size());
  for (auto& [key, way] : ways_) ways.push_back(std::move(way));
  std::ranges::stable_sort(ways, {}, [](const OutsideWay& way) { return way.largest.address_class; });
  return ways;
}

/// Looks for the first public address that the route takes, and else for one that may matter all the same.
void OutsideRoutes::add(const AddressNumber& first, const AddressNumber& last, const Route& route) {
  const std::vector<ClassRange>& ranges = classes_->ranges();
  while (ranges[class_at_].last < first) ++class_at_;
  const auto number = static_cast<std::uint32_t>(&route - table_->routes.data());
  for (std::size_t at = class_at_; at < ranges.size() && ranges[at].first <= last; ++at) {
    const AddressClass address_class = ranges[at].address_class;
    const bool is_public = is_public_class(address_class) || address_class == AddressClass::kNat64;
    if (!is_public && address_class != AddressClass::kPrivate && address_class != AddressClass::kCgnat) continue;
    note(number, is_public, std::max(first, ranges[at].first));
    if (is_public) return;
  }
}

void OutsideRoutes::note(std::uint32_t number, bool is_public, const AddressNumber& sample) {
  if (!is_noted_[number]) {
    is_noted_[number] = true;
    if (!is_public) private_.emplace(number, routes_.size());
    routes_.push_back({number, is_public, sample.to_address(family_)});
    return;
  }
  const auto known = is_public ? private_.find(number) : private_.end();
  if (known == private_.end()) return;
  routes_[known->second] = {number, true, sample.to_address(family_)};
  private_.erase(known);
}

}  // namespace vpndoctor
