// SPDX-License-Identifier: Apache-2.0
// Error texts of the egress lookup; see the header.
#include "egress_refusal.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace vpndoctor {
namespace {

/// The command that shows the same refusal, with everything that the lookup depends on.
std::string show_command(const EgressQuery& query) {
  std::string command = fmt::format("ip route get {}", query.target);
  if (query.source) command += fmt::format(" from {}", *query.source);
  if (!query.interface.empty()) command += fmt::format(" oif {}", query.interface);
  if (query.mark) command += fmt::format(" mark {:#x}", *query.mark);
  return command;
}

std::string whither(const EgressQuery& query) {
  if (query.interface.empty()) return fmt::format("{}", query.target);
  return fmt::format("{} through {}", query.target, query.interface);
}

Error no_route(std::string message, std::string hint) {
  return {ErrorKind::kNoRoute, std::move(message), std::move(hint)};
}

Error unreachable_network(const EgressQuery& query, bool network_up) {
  if (!network_up) {
    return no_route(fmt::format("no route to {}: no network interface is up", whither(query)),
                    "connect this machine to a network first");
  }
  return no_route(fmt::format("no route to {}: network is unreachable", whither(query)),
                  fmt::format("no route covers it: see `ip -{} route`", query.target.family == Family::kInet ? 4 : 6));
}

}  // namespace

Error egress_refusal(const EgressQuery& query, const RouteAnswer& answer, bool network_up) {
  const std::string look = fmt::format("see `{}` and `ip rule`", show_command(query));
  switch (answer.error_number) {
    case ENETUNREACH:
      return unreachable_network(query, network_up);
    case EHOSTUNREACH:
      return no_route(fmt::format("no route to {}: an `unreachable` route rejects it", whither(query)), look);
    case EACCES:
      return no_route(fmt::format("no route to {}: a `prohibit` route or rule rejects it", whither(query)), look);
    case EINVAL:
      return no_route(fmt::format("no route to {}: a `blackhole` route discards it", whither(query)), look);
    case ENETDOWN:
    case ENODEV:
      return no_route(fmt::format("no route to {}: the interface is down", whither(query)), look);
    case EAFNOSUPPORT:
    case EOPNOTSUPP:
    case EPFNOSUPPORT:
      return no_route(
          fmt::format("no route to {}: this system has no {}", query.target, family_title(query.target.family)), {});
    default:
      return no_route(fmt::format("no route to {}: {}", whither(query), std::strerror(answer.error_number)), look);
  }
}

Error egress_not_unicast(const EgressQuery& query, bool broadcast) {
  return {
      ErrorKind::kUsage,
      fmt::format("{} is a {} address: a path leads to one host", query.target, broadcast ? "broadcast" : "multicast"),
      "name a host's own address"};
}

}  // namespace vpndoctor
