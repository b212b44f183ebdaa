// SPDX-License-Identifier: Apache-2.0
// Scans /proc for the holders of tun devices; see the header.
#include "tun_holder.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <set>
#include <tuple>

#include "parse_number.h"
#include "proc_files.h"
#include "process_facts.h"
#include "tun_device.h"

namespace vpndoctor {
namespace {

constexpr int kMaxProcesses = 100'000;
constexpr std::uint64_t kFirstPidNamespace = 0xEFFFFFFC;  // PROC_PID_INIT_INO of include/linux/proc_ns.h

std::uint64_t inode_of(const std::string& path) {
  struct stat facts{};
  return ::stat(path.c_str(), &facts) == 0 ? facts.st_ino : 0;
}

/// Looks at one process after the other.
class Scan {
 public:
  void look_at(pid_t pid) {
    const std::string process = fmt::format("/proc/{}", pid);
    // Most processes have hundreds of other descriptors.
    const auto descriptors = entries_that_lead_to(process + "/fd", "/net/tun");
    if (!descriptors) {
      if (!has_ended(errno)) count_unreadable(pid);
    } else if (!descriptors->empty()) {
      take(pid, *descriptors);
    }
  }
  void cut() { found_.cut = true; }

  TunScan result() && {
    // Where /proc hides the processes of others (hidepid), the first one is hidden as well.
    if (::access("/proc/1", F_OK) != 0) count_unreadable(1);
    return std::move(found_);
  }

 private:
  void count_unreadable(pid_t pid) {
    if (found_.unreadable++ == 0) found_.first_unreadable = pid;
  }

  void take(pid_t pid, const std::vector<std::string>& descriptors) {
    const Fd process = open_process(pid);
    std::set<std::string> here;
    std::set<std::string> somewhere;
    for (const std::string& descriptor : descriptors) {
      const auto device = ask_tun_device(pid, process, descriptor);
      if (!device) continue;
      if (!device->namespace_inode) somewhere.insert(device->name);
      if (device->namespace_inode == namespace_) here.insert(device->name);
    }
    if (here.empty() && somewhere.empty()) return;
    const TunHolder holder = describe(pid);
    for (const std::string& interface : here) found_.holders.emplace(interface, holder);
    for (const std::string& interface : somewhere) found_.candidates.emplace(interface, holder);
  }

  TunHolder describe(pid_t pid) const {
    const auto stat = read_process_stat(pid);
    TunHolder holder{pid, process_name(pid)};
    holder.state = stat ? stat->state : '\0';
    holder.started = stat ? stat->started : 0;
    holder.is_elsewhere = inode_of(fmt::format("/proc/{}/ns/net", pid)) != namespace_;
    return holder;
  }

  TunScan found_;
  std::uint64_t namespace_ = inode_of("/proc/self/ns/net");
};

std::vector<TunHolder> oldest_first(const std::multimap<std::string, TunHolder>& holders,
                                    const std::string& interface) {
  std::vector<TunHolder> found;
  const auto [begin, end] = holders.equal_range(interface);
  std::transform(begin, end, std::back_inserter(found), [](const auto& each) { return each.second; });
  std::ranges::sort(found, {}, [](const TunHolder& each) { return std::tuple(each.started, each.pid); });
  return found;
}

/// Root is refused where a security module or a sandbox says so.
std::string unseen_for_root(const TunHolders& found) {
  const std::string name = process_name(found.first_unreadable);
  const std::string others =
      found.unreadable > 1 ? fmt::format(" and of {} other{}", found.unreadable - 1, found.unreadable > 2 ? "s" : "")
                           : "";
  return fmt::format("{} may not see the descriptors of process {}{}{}",
                     has_capability(CAP_SYS_PTRACE) ? "here root" : "without CAP_SYS_PTRACE root",
                     found.first_unreadable, name.empty() ? "" : " (" + name + ")", others);
}

}  // namespace

std::vector<TunHolder> TunHolders::likely() const {
  if (!holders.empty()) return holders;
  std::vector<TunHolder> here = candidates;
  std::erase_if(here, [](const TunHolder& each) { return each.is_elsewhere; });
  return here;
}

TunHolders TunScan::of(const std::string& interface) const {
  return {oldest_first(holders, interface), oldest_first(candidates, interface), unreadable, first_unreadable, cut};
}

TunScan scan_tun_holders() {
  Scan scan;
  int seen = 0;
  for (const std::string& entry : directory_entries("/proc").value_or(std::vector<std::string>{})) {
    const auto pid = parse_number<pid_t>(entry);
    if (!pid) continue;
    if (++seen > kMaxProcesses) {
      scan.cut();
      break;
    }
    scan.look_at(*pid);
  }
  return std::move(scan).result();
}

TunHolders find_tun_holders(const std::string& interface) { return scan_tun_holders().of(interface); }

std::string unseen_holder(const TunHolders& found, const Link& link) {
  if (!found.holders.empty()) return {};
  if (!found.candidates.empty()) {
    const TunHolder& first = found.candidates.front();
    return fmt::format(
        "process {} ({}) has a device of this name open, and this user may not see whether it is this one", first.pid,
        first.name);
  }
  if (found.unreadable > 0) {
    return ::geteuid() == 0 ? unseen_for_root(found) : "only root may see which process holds it";
  }
  if (found.cut) return "there are too many processes to look for the one that holds it";
  // Nobody's device goes away unless it is persistent, and it has no carrier.
  if (link.has_carrier() || !link.tun_persistent.value_or(true)) {
    return "the process that holds it cannot be seen from here";
  }
  const bool sees_all = inode_of("/proc/self/ns/pid") == kFirstPidNamespace;
  const bool has_surely_none = link.is_up() || link.carrier == false;
  return sees_all || has_surely_none ? "" : "processes outside of this container cannot be seen from here";
}

}  // namespace vpndoctor
