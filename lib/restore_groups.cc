// SPDX-License-Identifier: Apache-2.0
// Groups two tables by the kernel's keys; see the header.
#include "restore_groups.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "restore_entries.h"
#include "route_meaning.h"

namespace vpndoctor {
namespace {

/// One route of either table, 16 bytes, so that a million sort quickly.
struct Tagged {
  std::uint64_t hash = 0;
  std::uint32_t index = 0;
  bool is_target = false;
};

class Grouping {
 public:
  Grouping(const RouteTable& now, const RouteTable& target) : now_(meaning_.of(now)), target_(meaning_.of(target)) {
    tagged_.reserve(now.routes.size() + target.routes.size());
    tag(now_, false);
    tag(target_, true);
    std::ranges::sort(tagged_, {},
                      [](const Tagged& each) { return std::tuple(each.hash, each.is_target, each.index); });
  }

  std::vector<KeyGroup> differing() {
    std::vector<KeyGroup> groups;
    for (auto first = tagged_.begin(); first != tagged_.end();) {
      const Tagged key = *first;
      const auto is_of_key = [&](const Tagged& each) { return same_key(key, each); };
      const auto end = std::find_if(first, tagged_.end(), [&](const Tagged& each) { return each.hash != key.hash; });
      // Two keys with one hash are rare, yet they must not become one.
      const auto last = std::partition(first, end, is_of_key);
      if (last != end) {
        sort_range(first, last);
        sort_range(last, end);
      }
      if (KeyGroup group = group_of(first, last); !is_same(group)) groups.push_back(std::move(group));
      first = last;
    }
    std::ranges::sort(groups, {}, [](const KeyGroup& group) {
      return std::pair(group.now.empty() ? group.target.front() : group.now.front(), group.now.empty());
    });
    return groups;
  }

 private:
  using Iterator = std::vector<Tagged>::iterator;

  void tag(const RouteMeanings& table, bool is_target) {
    for (std::uint32_t i = 0; i < table.table->routes.size(); ++i) {
      if (!table.is_noise(table[i])) tagged_.push_back({route_key_hash(table, table[i]), i, is_target});
    }
  }
  static void sort_range(Iterator first, Iterator last) {
    std::sort(first, last, [](const Tagged& left, const Tagged& right) {
      return std::pair(left.is_target, left.index) < std::pair(right.is_target, right.index);
    });
  }
  const RouteMeanings& side(const Tagged& each) const { return each.is_target ? target_ : now_; }
  bool same_key(const Tagged& left, const Tagged& right) const {
    return same_route_key(side(left), side(left)[left.index], side(right), side(right)[right.index]);
  }
  static KeyGroup group_of(Iterator first, Iterator last) {
    KeyGroup group;
    for (; first != last; ++first) (first->is_target ? group.target : group.now).push_back(first->index);
    return group;
  }
  bool is_same(const KeyGroup& group) const {
    return std::ranges::equal(group.now, group.target, [this](std::uint32_t now, std::uint32_t target) {
      return same_route_content(now_, now_[now], target_, target_[target]);
    });
  }

  RouteMeaning meaning_;
  RouteMeanings now_;
  RouteMeanings target_;
  std::vector<Tagged> tagged_;
};

/// Gives equal routes of one key the same number.
class Numbering {
 public:
  explicit Numbering(EntryGroup& group) : group_(&group) {}

  int number(const RouteTable& table, const Route& route) {
    StandaloneRoute alone = standalone(table, route);
    const RouteMeanings meanings = meaning_.of({{}, {alone.next_hops}, {alone.attributes}});
    const Content content{route.type, route.protocol, route.scope, meanings.next_hops[0], meanings.attributes[0]};
    const auto found = std::ranges::find(contents_, content);
    if (found != contents_.end()) return static_cast<int>(found - contents_.begin());
    contents_.push_back(content);
    group_->entries.push_back(std::move(alone));
    group_->now_index.push_back(EntryGroup::kNone);
    group_->pinned.push_back(false);
    group_->why_not.emplace_back();
    return static_cast<int>(contents_.size()) - 1;
  }

 private:
  struct Content {
    RouteType type;
    std::uint8_t protocol;
    std::uint8_t scope;
    std::uint32_t next_hops;
    std::uint32_t attributes;
    bool operator==(const Content&) const = default;
  };
  EntryGroup* group_;
  RouteMeaning meaning_;
  std::vector<Content> contents_;
};

}  // namespace

std::vector<KeyGroup> differing_keys(const RouteTable& now, const RouteTable& target) {
  return Grouping(now, target).differing();
}

bool EntryGroup::is_missing(int entry) const { return !holds(now, entry) && holds(target, entry); }

bool EntryGroup::is_extra(int entry) const {
  return holds(now, entry) && !holds(target, entry) && (!pinned[slot(entry)] || !why_not[slot(entry)].empty());
}

EntryGroup numbered(const KeyGroup& key, const Snapshot& now, const Snapshot& target, const Place& place) {
  EntryGroup group;
  Numbering numbering(group);
  for (const std::uint32_t index : key.now) {
    const Route& route = now.routes->routes[index];
    const int entry = numbering.number(*now.routes, route);
    group.now.push_back(entry);
    if (group.now_index[slot(entry)] == EntryGroup::kNone) group.now_index[slot(entry)] = index;
    if (place.is_kernel_made(*now.routes, route, false)) group.pinned[slot(entry)] = true;
  }
  for (const std::uint32_t index : key.target) {
    const Route& route = target.routes->routes[index];
    const int entry = numbering.number(*target.routes, route);
    const bool is_kernels = place.is_kernel_made(*target.routes, route, true);
    if (is_kernels && !holds(group.now, entry) && !place.should_exist(*target.routes, route)) continue;
    // IPv6 routes can stand twice (a replacement does not look for them), but cannot be added twice.
    const auto present = std::max<std::ptrdiff_t>(std::ranges::count(group.now, entry), 1);
    if (std::ranges::count(group.target, entry) >= present) continue;
    group.target.push_back(entry);
    if (is_kernels && holds(group.now, entry)) group.pinned[slot(entry)] = true;
  }
  return group;
}

}  // namespace vpndoctor
