// SPDX-License-Identifier: Apache-2.0
// Looks for filters beside nf_tables; see the header.
#include "other_filters.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "handles.h"
#include "netlink.h"
#include "proc_files.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::uint32_t kTcxEgress = 47;  // BPF_TCX_EGRESS, Linux 6.6

/// The names of tables that iptables-legacy has made. To ask it for a table would make the table.
void add_legacy_tables(const char* path, const char* program, Firewall& firewall) {
  const auto names = read_small_file(path);
  if (!names) return;
  std::string_view rest = *names;
  while (!rest.empty()) {
    const std::string_view name = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    if (name.empty()) continue;
    firewall.others.push_back(fmt::format("{} has the table {} ({})", program, escape_controls(name), path));
    if (name != "filter" && name != "security") firewall.others_may_mark = true;
  }
}

/// How many programs BPF_PROG_QUERY counts; 0 also when it cannot be asked.
std::uint32_t count_programs(std::uint32_t target, std::uint32_t attach_type, std::uint32_t flags) {
  bpf_attr query{};
  query.query.target_fd = target;
  query.query.attach_type = attach_type;
  query.query.query_flags = flags;
  const long answer = ::syscall(__NR_bpf, BPF_PROG_QUERY, &query, sizeof query.query);
  return answer == 0 ? query.query.prog_cnt : 0;
}

/// The cgroup that this program is in: what is attached to it or above applies to what the same user starts.
void add_cgroup_programs(Firewall& firewall) {
  constexpr std::string_view kUnified = "0::";
  const auto memberships = read_small_file("/proc/self/cgroup");
  const std::size_t at = memberships ? memberships->find(kUnified) : std::string::npos;
  if (at == std::string::npos) return;
  const std::string path = memberships->substr(at + kUnified.size());
  const std::string folder = "/sys/fs/cgroup" + path.substr(0, path.find('\n'));
  const Fd cgroup(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!cgroup) return;
  const auto fd = static_cast<std::uint32_t>(cgroup.get());
  if (count_programs(fd, BPF_CGROUP_INET_EGRESS, BPF_F_QUERY_EFFECTIVE) == 0) return;
  firewall.others.push_back(fmt::format("an eBPF program filters what the cgroup {} sends", escape_controls(folder)));
}

/// The kinds of filters at the egress of an interface's clsact.
std::vector<std::string> egress_filters(const Link& link) {
  const NlMessage message = netlink_message(RTM_GETTFILTER, NLM_F_DUMP);
  if (!message) return {};
  tcmsg header{};
  header.tcm_ifindex = link.index;
  header.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS);
  nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
  std::vector<std::string> kinds;
  const auto end = netlink_dump(*message, [&](std::uint16_t type, Bytes payload) {
    const auto kind = find_attribute(after_aligned(payload, sizeof(tcmsg)), TCA_KIND);
    if (type == RTM_NEWTFILTER && kind) kinds.push_back(kind->text());
  });
  return kinds;
}

/// The indexes of interfaces with a clsact.
std::vector<int> interfaces_with_clsact() {
  const NlMessage message = netlink_message(RTM_GETQDISC, NLM_F_DUMP);
  if (!message) return {};
  tcmsg header{};
  nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
  std::vector<int> found;
  const auto end = netlink_dump(*message, [&](std::uint16_t type, Bytes payload) {
    const auto qdisc = read_at<tcmsg>(payload);
    const auto kind = find_attribute(after_aligned(payload, sizeof(tcmsg)), TCA_KIND);
    if (type == RTM_NEWQDISC && qdisc && kind && kind->text() == "clsact") found.push_back(qdisc->tcm_ifindex);
  });
  return found;
}

void add_device_filters(const std::vector<Link>& links, Firewall& firewall) {
  const std::vector<int> with_clsact = interfaces_with_clsact();
  for (const Link& link : links) {
    const std::string name = escape_controls(link.name);
    if (count_programs(static_cast<std::uint32_t>(link.index), kTcxEgress, 0) > 0) {
      firewall.device_filters.push_back({link.name, fmt::format("an eBPF program is attached to {} (tcx)", name)});
    }
    if (std::ranges::find(with_clsact, link.index) == with_clsact.end()) continue;
    for (const std::string& kind : egress_filters(link)) {
      const std::string what =
          kind == "bpf" ? fmt::format("an eBPF program is attached to {} (tc clsact)", name)
                        : fmt::format("traffic control filters what {} sends ({})", name, escape_controls(kind));
      if (firewall.device_filters.empty() || firewall.device_filters.back().what != what)
        firewall.device_filters.push_back({link.name, what});
    }
  }
}

}  // namespace

void find_other_filters(const std::vector<Link>& links, Firewall& firewall) {
  add_legacy_tables("/proc/net/ip_tables_names", "iptables-legacy", firewall);
  add_legacy_tables("/proc/net/ip6_tables_names", "ip6tables-legacy", firewall);
  add_cgroup_programs(firewall);
  add_device_filters(links, firewall);
}

}  // namespace vpndoctor
