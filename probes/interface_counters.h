// SPDX-License-Identifier: Apache-2.0
// The counters of all interfaces and of their queueing disciplines, over rtnetlink. The decoders are pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "netlink_attributes.h"
#include "vpndoctor/result.h"
#include "vpndoctor/tunnel.h"

namespace vpndoctor {

/// Reads the counters of all interfaces of this namespace, by interface index. What cannot be read of queueing
/// disciplines leaves `queued_packets` null.
Result<std::map<int, InterfaceCounters>> read_interface_counters();

/// Decodes an RTM_NEWSTATS with IFLA_STATS_LINK_64 (struct rtnl_link_stats64 of linux/if_link.h): the interface's index
/// and counters; nullopt when they are not in it.
std::optional<std::pair<int, InterfaceCounters>> decode_link_counters(Bytes payload);

/// Decodes an RTM_NEWQDISC (struct tcmsg): the interface's index and the packets that its root queueing discipline has
/// handed to the device (net/sched/sch_api.c tc_fill_qdisc(), net/core/gen_stats.c). nullopt for one that is not the
/// root, and for noqueue and noop, which count nothing.
std::optional<std::pair<int, std::uint64_t>> decode_root_queue(Bytes payload);

}  // namespace vpndoctor
