// SPDX-License-Identifier: Apache-2.0
// Routes, rules and addresses as objects of a restore plan: taken out of their tables, and as arguments of `ip`. Knows
// no order and no state of the machine.
#pragma once

#include <string>
#include <vector>

#include "vpndoctor/restore_plan.h"

namespace vpndoctor {

/// Takes a route out of its table, without the state of its legs.
StandaloneRoute standalone(const RouteTable& table, const Route& route);

/// Returns the operation's command. What is deleted is named by all that it has, so that nothing else is meant.
std::vector<std::string> restore_argv(const RestoreOperation& operation);

/// Returns the route in a few words: "default via 192.0.2.1 dev eth0".
std::string route_text(const StandaloneRoute& route);

/// True when a request to delete `request` would also match `present`, a route of the same IPv4 key
/// (net/ipv4/fib_trie.c fib_table_delete(), fib_semantics.c fib_nh_match()).
bool deletion_covers(const StandaloneRoute& request, const StandaloneRoute& present);
/// The same of rules of one family and priority (net/core/fib_rules.c rule_find()).
bool deletion_covers(const Rule& request, const Rule& present);

/// True for an IPv6 route that the kernel merges with others of its key into one multipath route
/// (include/net/ip6_route.h rt6_qualify_for_ecmp()).
bool joins_siblings(const StandaloneRoute& route);

}  // namespace vpndoctor
