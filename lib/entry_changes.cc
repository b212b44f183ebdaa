// SPDX-License-Identifier: Apache-2.0
// What changed about one link or one address, in words that follow its name.
#include <fmt/format.h>

#include <algorithm>

#include "facet_diff.h"
#include "vpndoctor/route_diff.h"

namespace vpndoctor {
namespace {

std::string text_of(const std::optional<IpAddress>& address) { return address ? address->to_string() : "none"; }
std::string text_of(const std::optional<std::uint32_t>& number) {
  return number ? std::to_string(*number) : "not known";
}
std::string text_of(std::uint32_t number) { return std::to_string(number); }
std::string text_of(const std::string& name) { return name.empty() ? "none" : name; }

class LinkChanges {
 public:
  template <class T>
  void compare(const char* what, const T& from, const T& to) {
    if (from != to) say(fmt::format("changed its {} from {} to {}", what, text_of(from), text_of(to)));
  }
  void say(std::string text, bool is_state = false) { changes_.push_back({std::move(text), is_state}); }
  std::vector<EntryChange> take() { return std::move(changes_); }
  bool is_empty() const { return changes_.empty(); }

 private:
  std::vector<EntryChange> changes_;
};

void compare_state(const Link& before, const Link& after, LinkChanges& changes) {
  if (before.is_up() != after.is_up()) {
    changes.say(after.is_up() ? "came up" : "went down", true);
  } else if (before.is_running() != after.is_running()) {
    changes.say(after.is_running() ? "got its carrier back" : "lost its carrier", true);
  }
}

}  // namespace

std::vector<EntryChange> link_changes(const Link& before, const Link& after) {
  LinkChanges changes;
  compare_state(before, after, changes);
  changes.compare("MTU", before.mtu_bytes, after.mtu_bytes);
  changes.compare("master", before.master, after.master);
  changes.compare("VRF table", before.vrf_table, after.vrf_table);
  changes.compare("lower link", before.lower, after.lower);
  changes.compare("group", before.group, after.group);
  changes.compare("tunnel's local address", before.tunnel_local, after.tunnel_local);
  changes.compare("tunnel's remote address", before.tunnel_remote, after.tunnel_remote);
  if (before.tun_persistent != after.tun_persistent) {
    changes.say(after.tun_persistent.value_or(false) ? "became persistent" : "is no longer persistent");
  }
  const bool is_drawn =
      is_drawn_hardware_address(before.hardware_address) && is_drawn_hardware_address(after.hardware_address);
  if (!is_drawn) changes.compare("hardware address", before.hardware_address, after.hardware_address);
  if (changes.is_empty() && !diff_links({before}, {after}).is_empty()) changes.say("changed its flags or names");
  return changes.take();
}

std::string address_change(const Address& before, const Address& after) {
  if (before.route_metric != after.route_metric) {
    return fmt::format("changed its route's metric from {} to {}", before.route_metric, after.route_metric);
  }
  if (before.broadcast != after.broadcast) {
    return fmt::format("changed its broadcast address from {} to {}", text_of(before.broadcast),
                       text_of(after.broadcast));
  }
  const auto changed_flags = before.flags ^ after.flags;
  if ((changed_flags & kAddressDadFailed) != 0) {
    return (after.flags & kAddressDadFailed) != 0 ? "is in use elsewhere too: duplicate address detection failed"
                                                  : "is no longer a duplicate";
  }
  if ((changed_flags & kAddressNoPrefixRoute) != 0) {
    return (after.flags & kAddressNoPrefixRoute) != 0 ? "no longer brings a route to its prefix"
                                                      : "now brings a route to its prefix";
  }
  if (after.address.family == Family::kInet && (changed_flags & kAddressSecondary) != 0) {
    return (after.flags & kAddressSecondary) != 0 ? "became a secondary one" : "became the primary one";
  }
  return before.label != after.label ? "changed its label" : "changed its scope";
}

}  // namespace vpndoctor
