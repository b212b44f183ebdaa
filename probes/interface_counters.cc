// SPDX-License-Identifier: Apache-2.0
// Reads counters; see the header.
#include "interface_counters.h"

#include <fmt/format.h>
#include <linux/gen_stats.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <cstddef>
#include <string>

#include "netlink.h"

namespace vpndoctor {
namespace {

template <class Header>
Result<NetlinkEnd> dump(std::uint16_t type, const Header& header, const NetlinkTaker& take) {
  const NlMessage message = netlink_message(type, 0);
  if (!message) return failure(ErrorKind::kInternal, "build a netlink request");
  nlmsg_append(message.get(), const_cast<Header*>(&header), sizeof header, NLMSG_ALIGNTO);
  return netlink_dump(*message, take);
}

std::uint64_t counter_at(Bytes counters, std::size_t offset) {
  return read_at<std::uint64_t>(counters, offset).value_or(0);
}

}  // namespace

std::optional<std::pair<int, InterfaceCounters>> decode_link_counters(Bytes payload) {
  const auto header = read_at<if_stats_msg>(payload);
  if (!header) return std::nullopt;
  const auto found = find_attribute(after_aligned(payload, sizeof(if_stats_msg)), IFLA_STATS_LINK_64);
  // Kernels of other ages have more or fewer fields behind these.
  constexpr std::size_t kNeeded = offsetof(rtnl_link_stats64, tx_dropped) + sizeof(std::uint64_t);
  if (!found || found->payload.size() < kNeeded) return std::nullopt;
  InterfaceCounters counters;
  counters.received_packets = counter_at(found->payload, offsetof(rtnl_link_stats64, rx_packets));
  counters.received_bytes = counter_at(found->payload, offsetof(rtnl_link_stats64, rx_bytes));
  counters.sent_packets = counter_at(found->payload, offsetof(rtnl_link_stats64, tx_packets));
  counters.sent_bytes = counter_at(found->payload, offsetof(rtnl_link_stats64, tx_bytes));
  counters.sent_dropped = counter_at(found->payload, offsetof(rtnl_link_stats64, tx_dropped));
  return std::pair(header->ifindex, counters);
}

std::optional<std::pair<int, std::uint64_t>> decode_root_queue(Bytes payload) {
  const auto header = read_at<tcmsg>(payload);
  if (!header || header->tcm_parent != TC_H_ROOT) return std::nullopt;
  const Bytes attributes = after_aligned(payload, sizeof(tcmsg));
  const auto kind = find_attribute(attributes, TCA_KIND);
  const auto statistics = find_attribute(attributes, TCA_STATS2);
  if (!kind || !statistics || kind->text() == "noqueue" || kind->text() == "noop") return std::nullopt;
  // Only a count that does not fit into 32 bits comes in an attribute of its own.
  if (const auto wide = find_attribute(statistics->payload, TCA_STATS_PKT64)) {
    if (const auto packets = wide->as<std::uint64_t>()) return std::pair(header->tcm_ifindex, *packets);
  }
  const auto basic = find_attribute(statistics->payload, TCA_STATS_BASIC);
  const auto packets =
      basic ? read_at<std::uint32_t>(basic->payload, offsetof(gnet_stats_basic, packets)) : std::nullopt;
  return packets ? std::optional(std::pair(header->tcm_ifindex, std::uint64_t{*packets})) : std::nullopt;
}

Result<std::map<int, InterfaceCounters>> read_interface_counters() {
  std::map<int, InterfaceCounters> counters;
  if_stats_msg links{};
  links.filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64);
  const auto end = dump(RTM_GETSTATS, links, [&](std::uint16_t type, Bytes payload) {
    if (type != RTM_NEWSTATS) return;
    if (const auto decoded = decode_link_counters(payload)) counters.insert(*decoded);
  });
  if (!end) return std::unexpected(end.error());
  if (end->error_number != 0) {
    return failure(ErrorKind::kUnavailable, fmt::format("read the interfaces' counters: {}", end->why()));
  }
  const auto queues = dump(RTM_GETQDISC, tcmsg{}, [&](std::uint16_t type, Bytes payload) {
    const auto decoded = type == RTM_NEWQDISC ? decode_root_queue(payload) : std::nullopt;
    const auto link = decoded ? counters.find(decoded->first) : counters.end();
    if (link != counters.end()) link->second.queued_packets = decoded->second;
  });
  // Without queueing disciplines the counters of the links remain.
  if (!queues || queues->error_number != 0) {
    for (auto& [index, each] : counters) each.queued_packets.reset();
  }
  return counters;
}

}  // namespace vpndoctor
