// SPDX-License-Identifier: Apache-2.0
// Where a daemon is; see the header.
#include "daemon_place.h"

#include <fmt/format.h>
#include <net/if.h>

#include <map>
#include <memory>

#include "handles.h"
#include "parse_number.h"
#include "proc_files.h"

namespace vpndoctor {
namespace {

bool has_name(pid_t pid, std::string_view name) {
  const auto text = read_small_file(fmt::format("/proc/{}/comm", pid));
  return text && text->starts_with(name) && text->size() == name.size() + 1;
}

std::map<int, std::string> present_interfaces() {
  std::map<int, std::string> present;
  const std::unique_ptr<struct if_nameindex, Freer<if_freenameindex>> list(if_nameindex());
  for (const auto* each = list.get(); each != nullptr && each->if_index != 0; ++each) {
    present.emplace(static_cast<int>(each->if_index), each->if_name);
  }
  return present;
}

std::string difference(const std::vector<std::pair<int, std::string>>& interfaces, std::map<int, std::string> here) {
  for (const auto& [index, name] : interfaces) {
    const auto found = here.find(index);
    if (found == here.end()) {
      return fmt::format("it knows interface {}{}, which is not here", index, name.empty() ? "" : " (" + name + ")");
    }
    if (!name.empty() && found->second != name) {
      return fmt::format("interface {} is {} there and {} here", index, name, found->second);
    }
    here.erase(found);
  }
  if (here.empty()) return {};
  return fmt::format("it does not know interface {} ({})", here.begin()->first, here.begin()->second);
}

}  // namespace

std::optional<std::uint64_t> network_namespace_of(const DaemonProcess& process) {
  constexpr std::string_view kBefore = "net:[";
  if (!process.pid || !has_name(*process.pid, process.name)) return std::nullopt;
  const std::string target = link_target(fmt::format("/proc/{}/ns/net", *process.pid));
  if (!target.starts_with(kBefore) || !target.ends_with(']')) return std::nullopt;
  return parse_number<std::uint64_t>(
      std::string_view(target).substr(kBefore.size(), target.size() - kBefore.size() - 1));
}

std::string difference_in_interfaces(const std::vector<std::pair<int, std::string>>& interfaces,
                                     const Snapshot& snapshot) {
  if (!snapshot.links.is_complete() || interfaces.empty()) return {};
  std::map<int, std::string> then;
  for (const Link& link : *snapshot.links) then.emplace(link.index, link.name);
  // An interface may have come or gone since the snapshot was taken.
  if (difference(interfaces, std::move(then)).empty()) return {};
  return difference(interfaces, present_interfaces());
}

std::string difference_in_namespaces(std::optional<std::uint64_t> daemon, const Snapshot& snapshot) {
  if (!daemon || !snapshot.namespace_inode || *daemon == *snapshot.namespace_inode) return {};
  return fmt::format("it is in network namespace {}, and this is {}", *daemon, *snapshot.namespace_inode);
}

}  // namespace vpndoctor
