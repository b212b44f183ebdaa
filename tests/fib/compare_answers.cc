// SPDX-License-Identifier: Apache-2.0
// Whether an answer of ours is the kernel's, and where RTM_GETROUTE says less than a packet would meet.
#include <fmt/format.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <initializer_list>

#include "kernel_answer.h"

namespace vpndoctor::fib_test {
namespace {

bool is_one_of(int number, std::initializer_list<int> numbers) {
  return std::ranges::find(numbers, number) != numbers.end();
}

// What the kernel's code returns for each reason, not what the number is called.
bool errno_fits(int number, const FlowAnswer& ours) {
  switch (ours.fate) {
    case FlowFate::kBlackhole:
      return number == EINVAL;
    case FlowFate::kUnreachable:
      return number == (ours.route != nullptr ? EHOSTUNREACH : ENETUNREACH);
    case FlowFate::kProhibit:
      return number == EACCES;
    case FlowFate::kNone:
      return number == ENETUNREACH;
    case FlowFate::kInvalidSource:
      return is_one_of(number, {EINVAL, ENETUNREACH});
    case FlowFate::kNoSuchInterface:
      return is_one_of(number, {ENODEV, ENETUNREACH});
    case FlowFate::kMartian:
      return is_one_of(number, {EINVAL, EXDEV});
    case FlowFate::kNotForwarding:
      return number == EHOSTUNREACH;
    default:
      return false;
  }
}

std::string gateway_words(const std::optional<IpAddress>& gateway) { return gateway ? gateway->to_string() : "none"; }

std::string route_difference(const KernelAnswer& kernel, const Route* route, bool any_tos) {
  if (kernel.match_error_number != 0) return route == nullptr ? "" : "the kernel has no route behind its answer";
  if (route == nullptr) return "we have no route behind our answer";
  if (kernel.match != route->destination) return fmt::format("prefix {} and {}", kernel.match, route->destination);
  // Where no rule was ever added, the kernel finds the routes of table local in main.
  const bool merged = kernel.match_table == kTableMain && route->table == kTableLocal;
  if (kernel.match_table != route->table && !merged)
    return fmt::format("table {} and {}", kernel.match_table, route->table);
  if (kernel.match_metric != route->metric) return fmt::format("metric {} and {}", kernel.match_metric, route->metric);
  if (!any_tos && kernel.match_tos != route->tos) return fmt::format("TOS {} and {}", kernel.match_tos, route->tos);
  return {};
}

std::string way_difference(const KernelAnswer& kernel, std::string_view interface,
                           const std::optional<IpAddress>& gateway) {
  if (kernel.interface != interface) return fmt::format("interface {} and {}", kernel.interface, interface);
  if (kernel.gateway == gateway) return {};
  return fmt::format("gateway {} and {}", gateway_words(kernel.gateway), gateway_words(gateway));
}

/// RTM_GETROUTE for IPv6 knows nothing of what becomes of a packet after its route was found.
bool is_judged_later(const Flow& flow, const FlowAnswer& ours) {
  return flow.destination.family == Family::kInet6 && !flow.input_interface.empty() &&
         (ours.fate == FlowFate::kNotForwarding || ours.fate == FlowFate::kMartian);
}

std::string type_difference(const KernelAnswer& kernel, const FlowAnswer& ours) {
  // An IPv4 next hop caches its path with the type of the flow that came first, to many or to one.
  const bool caches = ours.route != nullptr && ours.route->destination.family() == Family::kInet;
  const auto own_type = static_cast<std::uint8_t>(caches ? ours.route->type : RouteType::kUnspecified);
  const bool is_own = caches && flow_fate_name(ours.fate) == route_type_name(ours.route->type);
  if (caches && kernel.type == RTN_MULTICAST && is_own) return {};
  if (caches && kernel.type == own_type && ours.fate == FlowFate::kMulticast) return {};
  constexpr FlowFate kFates[] = {FlowFate::kNone,      FlowFate::kUnicast, FlowFate::kLocal,
                                 FlowFate::kBroadcast, FlowFate::kAnycast, FlowFate::kMulticast};
  const FlowFate fate = kernel.type < std::size(kFates) ? kFates[kernel.type] : FlowFate::kNone;
  return fate == ours.fate ? "" : fmt::format("type {} and {}", flow_fate_name(fate), flow_fate_name(ours.fate));
}

std::string source_difference(const Flow& flow, const KernelAnswer& kernel, const FlowAnswer& ours) {
  if (flow.source && !flow.source->is_unspecified()) return {};
  if (!flow.input_interface.empty() || ours.depends_on != DependsOn::kNothing) return {};
  const std::optional<IpAddress> source = kernel.source ? kernel.source : std::nullopt;
  if (source == ours.source) return {};
  return fmt::format("source {} and {}", gateway_words(source), gateway_words(ours.source));
}

/// The kernel tells another IPv6 route that uses the same nexthop object: they share its per-CPU cache.
bool tells_another_route(const Route* route, const RouteTable& routes) {
  return route != nullptr && route->destination.family() == Family::kInet6 &&
         routes.next_hop_sets[route->next_hops].object_id.has_value();
}

std::string plain_difference(const Flow& flow, const KernelAnswer& kernel, const FlowAnswer& ours,
                             const RouteTable& routes) {
  if (kernel.error_number != 0) {
    return errno_fits(kernel.error_number, ours)
               ? ""
               : fmt::format("{} and {}", std::strerror(kernel.error_number), flow_fate_name(ours.fate));
  }
  if (!is_judged_later(flow, ours)) {
    if (std::string type = type_difference(kernel, ours); !type.empty()) return type;
  }
  if (std::string way = way_difference(kernel, ours.interface, ours.gateway); !way.empty()) return way;
  if (tells_another_route(ours.route, routes)) return {};
  if (std::string route = route_difference(kernel, ours.route, false); !route.empty()) return route;
  return source_difference(flow, kernel, ours);
}

bool is_among_candidates(const KernelAnswer& kernel, const FlowAnswer& ours, const RouteTable& routes) {
  return std::ranges::any_of(ours.candidates, [&](const FlowWay& way) {
    if (kernel.error_number != 0) return way.interface.empty();
    return way_difference(kernel, way.interface, way.gateway).empty() &&
           // Among equal defaults the kernel tells the TOS of the one that it found first.
           (tells_another_route(way.route, routes) ||
            route_difference(kernel, way.route, way.route != nullptr && way.route->destination.is_default()).empty());
  });
}

}  // namespace

std::string difference(const Flow& flow, const KernelAnswer& kernel, const FlowAnswer& ours, const RouteTable& routes) {
  // Both for packets that arrive: the kernel answers a multicast one out of its multicast routing cache, and drops an
  // impossible one only behind the route.
  const bool arrives6 = flow.destination.family == Family::kInet6 && !flow.input_interface.empty();
  if (arrives6 && (kernel.error_number == EMSGSIZE || ours.fate == FlowFate::kMartian)) return {};
  // Which groups an interface joined is in no snapshot, and the answer says so.
  if (!flow.input_interface.empty() && ours.fate == FlowFate::kMulticast && !ours.uncertain.empty()) return {};
  std::string found = plain_difference(flow, kernel, ours, routes);
  if (!found.empty() && ours.depends_on != DependsOn::kNothing && is_among_candidates(kernel, ours, routes)) return {};
  return found;
}

std::string answer_words(const KernelAnswer& kernel) {
  if (kernel.error_number != 0) return std::strerror(kernel.error_number);
  std::string words = fmt::format("type {} dev {} via {} src {} table {}", kernel.type, kernel.interface,
                                  gateway_words(kernel.gateway), gateway_words(kernel.source), kernel.table);
  if (kernel.match_error_number != 0)
    return words + fmt::format(", no route ({})", std::strerror(kernel.match_error_number));
  return words + fmt::format(", by {} table {} metric {} tos {}", kernel.match, kernel.match_table, kernel.match_metric,
                             kernel.match_tos);
}

std::string answer_words(const FlowAnswer& ours) {
  std::string words = fmt::format("{} dev {} via {} src {} table {}", flow_fate_name(ours.fate), ours.interface,
                                  gateway_words(ours.gateway), gateway_words(ours.source), ours.table);
  if (ours.route != nullptr) {
    words += fmt::format(", by {} table {} metric {} tos {}", ours.route->destination, ours.route->table,
                         ours.route->metric, ours.route->tos);
  }
  for (const FlowWay& way : ours.candidates) {
    words += fmt::format("; or dev {} via {}", way.interface, gateway_words(way.gateway));
    if (way.route != nullptr) words += fmt::format(" by {}", way.route->destination);
  }
  if (!ours.uncertain.empty()) words += fmt::format("; uncertain: {}", ours.uncertain);
  return words;
}

}  // namespace vpndoctor::fib_test
