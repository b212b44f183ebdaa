// SPDX-License-Identifier: Apache-2.0
// Which route a packet of a Mac takes: bsd/net/route.c rt_lookup_common(), and which source address it gets. There are
// no rules; a socket that is bound to an interface (IP_BOUND_IF, the flow's output interface) has its scope.
#include "fib_macos.h"

#include <fmt/format.h>

#include <algorithm>

namespace vpndoctor {
namespace {

constexpr std::string_view kNeedsInterface = "a link-local address belongs to one interface, and none is given (--oif)";
constexpr std::string_view kForwardingUnknown = "whether this Mac forwards packets is not in a capture";
constexpr std::string_view kPrimaryUnknown =
    "without a default route, which interface is the primary one depends on what happened before";
constexpr std::string_view kDefaultHidden =
    "a route that begins at the address zero may hide the default route from a socket that is bound to an interface";
constexpr std::string_view kNotCaptured = "the interface of the route is not among those of the capture";
constexpr std::string_view kInterfaceDown = "the interface of the route is down";
constexpr std::string_view kNeighbourSilent =
    "the neighbour did not answer when the capture was made; that lasts for seconds";
constexpr std::string_view kSourceElsewhere =
    "the source address is of another interface, and macOS may send the packet from there";
constexpr std::string_view kOwnThroughTunnel =
    "the destination is an address of this machine, and its route leads out of the machine";

/// One search for one flow.
class MacosSearch {
 public:
  MacosSearch(const FibIndex& index, const Flow& flow, FibTrace* trace)
      : index_(index), table_(*index.macos), flow_(flow), trace_(trace) {}

  /// Returns the route, or null.
  const Route* run() {
    original_ = table_.match({}, flow_.destination);
    const Route* primary = table_.default_route(flow_.destination.family);
    const bool bound = !flow_.output_interface.empty();
    scope_ = bound ? std::string_view(flow_.output_interface) : interface_of(primary);
    step("unscoped", matched(original_, "no route without a scope matches"));
    if (original_ == nullptr && !bound && primary == nullptr && table_.match({}, zero()) != nullptr) {
      uncertain_ = kPrimaryUnknown;
    }
    if (!set_scope(bound)) return original_;
    scoped_ = scope_.empty() ? nullptr : table_.match(scope_, flow_.destination);
    if (!scope_.empty()) step("scoped", matched(scoped_, fmt::format("no route scoped to {} matches", scope_)));
    const Route* best = choose();
    return best != nullptr ? best : unscoped_default(primary);
  }

  std::string_view uncertain() const { return uncertain_; }

 private:
  std::string_view interface_of(const Route* route) const {
    const NextHop* hop = route == nullptr ? nullptr : macos_hop(index_, *route);
    return hop == nullptr ? std::string_view{} : std::string_view(hop->interface);
  }
  bool is_loopback(std::string_view interface) const { return index_.links[index_.find(interface)].loopback; }
  IpAddress zero() const { return {.family = flow_.destination.family, .bytes = {}}; }

  void step(const char* what, std::string outcome) {
    if (trace_ != nullptr) trace_->step(what, std::move(outcome));
  }
  std::string matched(const Route* route, std::string_view otherwise) const {
    if (trace_ == nullptr) return {};
    if (route == nullptr) return std::string(otherwise);
    const std::string& flags = index_.routes->attributes(*route).macos_flags;
    return fmt::format("{} matches{}", short_words(index_, *route), flags.empty() ? "" : fmt::format(", {}", flags));
  }

  // No search without a scope finds a route with one (bsd/net/route.c node_lookup()), so the case of such a route that
  // is kept at once cannot be. Returns false when the route without a scope is the answer.
  bool set_scope(bool bound) {
    if (original_ == nullptr) return true;
    const std::string_view interface = interface_of(original_);
    if (is_loopback(interface) && !macos_hop(index_, *original_)->gateway) {
      step("choice", "a route to the loopback interface itself needs no scope: it is taken");
      return false;
    }
    if (interface == scope_) return true;
    if (!bound) {
      scope_ = interface;
      return true;
    }
    const bool own = own_on(interface);
    if (is_loopback(scope_) && own) return true;
    step("scope", fmt::format("the flow is bound to {}: a route through {} does not count", scope_, interface));
    original_ = nullptr;
    return true;
  }
  bool own_on(std::string_view interface) const {
    const Address* own = own_address(index_, flow_.destination, interface);
    return own != nullptr && own->interface == interface;
  }

  // SA_DEFAULT() looks at the address alone: 0.0.0.0/1 is a default here as well.
  static bool is_default(const Route& route) { return route.destination.address.is_unspecified(); }

  const Route* choose() {
    if (scoped_ == nullptr) {
      if (original_ != nullptr) step("choice", "the route without a scope is kept");
      return original_;
    }
    if (original_ == nullptr) {
      step("choice", "the scoped route is taken");
      return scoped_;
    }
    if (is_default(*scoped_) && !is_default(*original_)) {
      step("choice", "the route without a scope is kept: the scoped one is a default, and it is more specific");
      return original_;
    }
    if (is_macos_host_route(index_, *original_) && !is_macos_host_route(index_, *scoped_)) {
      step("choice", "the route without a scope is kept: it is a host's, and the scoped one a network's");
      return original_;
    }
    step("choice", "the scoped route is taken: it is for the same interface");
    return scoped_;
  }

  // node_lookup_default() searches for the address zero, whose longest match need not be the default.
  const Route* unscoped_default(const Route* primary) {
    const std::string_view hiding = interface_of(table_.match({}, zero()));
    const std::string_view interface = interface_of(primary);
    if (!scope_.empty() && hiding != interface && (hiding == scope_ || interface == scope_)) {
      uncertain_ = kDefaultHidden;
    }
    if (primary == nullptr || interface != scope_) {
      step("choice", "no route is left");
      return nullptr;
    }
    step("choice", fmt::format("the default route without a scope is through {} as well: it is taken", scope_));
    return primary;
  }

  const FibIndex& index_;
  const MacosIndex& table_;
  const Flow& flow_;
  FibTrace* trace_;
  const Route* original_ = nullptr;
  const Route* scoped_ = nullptr;
  std::string_view scope_;
  std::string_view uncertain_;
};

bool is_broadcast(const FibIndex& index, const IpAddress& address, std::string_view interface) {
  if (address.is_limited_broadcast()) return true;
  return index.snapshot->addresses && std::ranges::any_of(*index.snapshot->addresses, [&](const Address& each) {
           return each.interface == interface && each.broadcast == address;
         });
}

// arp_rtrequest() and nd6_rtrequest() turn what is cloned for an address of the interface itself to the loopback one.
bool comes_back(const FibIndex& index, const FlowAnswer& answer, const Address& own) {
  if (own.interface != answer.interface) return false;
  return has_macos_flag(index, *answer.route, 'C') || has_macos_flag(index, *answer.route, 'L');
}

FlowFate fate_on_link(const FibIndex& index, const Flow& flow, FlowAnswer& answer) {
  const FibLink& link = index.links[index.find(answer.interface)];
  if (link.link == nullptr) doubt(answer, kNotCaptured);
  if (link.link != nullptr && !link.up) doubt(answer, kInterfaceDown);
  if (link.loopback && !answer.gateway) return FlowFate::kLocal;
  if (flow.destination.is_multicast()) return FlowFate::kMulticast;
  if (is_broadcast(index, flow.destination, answer.interface)) return FlowFate::kBroadcast;
  const Address* own = own_address(index, flow.destination, answer.interface);
  if (own == nullptr) return FlowFate::kUnicast;
  if (!comes_back(index, answer, *own)) {
    doubt(answer, kOwnThroughTunnel);
    return FlowFate::kUnicast;
  }
  answer.interface = index.links[index.loopback].name;
  answer.gateway.reset();
  return FlowFate::kLocal;
}

// A route without the flag U is not used (rt_validate()); one of a hypothesis has no flags.
void follow(const FibIndex& index, const Flow& flow, const Route* route, FlowAnswer& answer) {
  if (route == nullptr) return;
  const bool has_flags = !index.routes->attributes(*route).macos_flags.empty();
  if (has_flags && !has_macos_flag(index, *route, 'U')) return;
  answer.route = route;
  if (route->type != RouteType::kUnicast) {
    answer.fate = route->type == RouteType::kBlackhole ? FlowFate::kBlackhole : FlowFate::kUnreachable;
    if (has_macos_flag(index, *route, 'L')) doubt(answer, kNeighbourSilent);
    return;
  }
  const NextHop* hop = macos_hop(index, *route);
  if (hop == nullptr) return;
  answer.interface = hop->interface;
  answer.gateway = hop->gateway;
  answer.fate = fate_on_link(index, flow, answer);
}

/// The only address of an interface that fits the destination; null, with the reason in words, when it is not one.
std::optional<IpAddress> only_address(const FibIndex& index, const Flow& flow, std::string_view interface,
                                      std::string& why_not) {
  if (!index.addresses_unknown.empty()) {
    why_not = index.addresses_unknown;
    return std::nullopt;
  }
  const bool link_local = flow.destination.is_link_local();
  std::vector<IpAddress> fitting;
  for (const Address& each : *index.snapshot->addresses) {
    const bool fits = each.interface == interface && each.address.family == flow.destination.family;
    // An IPv6 packet leaves its link with a link-local source only for want of another.
    const bool other_scope = each.address.family == Family::kInet6 && each.address.is_link_local() != link_local;
    if (fits && !other_scope) fitting.push_back(each.address);
  }
  if (fitting.size() == 1) return fitting.front();
  const char* version = flow.destination.family == Family::kInet ? "IPv4" : "IPv6";
  why_not = fmt::format("{} has {} {} addresses that may be the source", interface,
                        fitting.empty() ? "no" : fmt::format("{}", fitting.size()), version);
  return std::nullopt;
}

void choose_source(const FibIndex& index, const Flow& flow, FlowAnswer& answer, FibTrace* trace) {
  if (answer.interface.empty()) return;
  std::string why_not;
  const bool to_itself =
      answer.fate == FlowFate::kLocal && own_address(index, flow.destination, answer.interface) != nullptr;
  answer.source = to_itself ? flow.destination : only_address(index, flow, answer.interface, why_not);
  if (trace == nullptr) return;
  trace->step("source", answer.source ? fmt::format("{}", *answer.source) : "not known: " + why_not);
}

/// A socket's own source address. False when no socket can have it.
bool keep_source(const FibIndex& index, const Flow& flow, FlowAnswer& answer) {
  const Address* own = own_address(index, *flow.source, answer.interface);
  if (own == nullptr && index.addresses_unknown.empty() && flow.input_interface.empty()) return false;
  answer.source = flow.source;
  if (!flow.input_interface.empty()) return true;
  if (own == nullptr) {
    doubt(answer, index.addresses_unknown);
  } else if (own->interface != answer.interface && answer.fate != FlowFate::kLocal) {
    doubt(answer, kSourceElsewhere);
  }
  return true;
}

// To connect to the unspecified address is to connect to this machine (in_pcbladdr(), in6_pcbladdr()).
FlowAnswer to_this_machine(const FibIndex& index) {
  FlowAnswer answer;
  answer.fate = FlowFate::kLocal;
  answer.interface = index.links[index.loopback].name;
  return answer;
}

FlowAnswer refused(FlowFate fate, std::string_view uncertain) {
  FlowAnswer answer;
  answer.fate = fate;
  answer.uncertain = uncertain;
  return answer;
}

void tell_what_is_not_seen(const FibIndex& index, const Flow& flow, FibTrace& trace) {
  if (flow.mark != 0) trace.step("mark", "packets of macOS have no mark; it is not looked at");
  const bool has_tunnel =
      std::ranges::any_of(index.links, [&](const FibLink& link) { return is_tunnel(*index.snapshot, link.name); });
  if (!has_tunnel) return;
  trace.step("not seen", "policies of a VPN's network extension may send the packets of some programs another way");
}

bool is_missing_or_down(const FibIndex& index, const std::string& interface) {
  if (interface.empty() || !index.snapshot->links.is_complete()) return false;
  const FibLink& link = index.links[index.find(interface)];
  return link.link == nullptr || !link.up;
}

}  // namespace

FlowAnswer look_up_macos(const FibIndex& index, const Flow& flow, FibTrace* trace) {
  if (is_missing_or_down(index, flow.output_interface)) {
    return refused(FlowFate::kNoSuchInterface, index.uncertain);
  }
  FlowAnswer answer;
  if (flow.destination.is_unspecified()) {
    answer = to_this_machine(index);
  } else {
    MacosSearch search(index, flow, trace);
    follow(index, flow, search.run(), answer);
    if (!search.uncertain().empty()) answer.uncertain = search.uncertain();
  }
  if (is_of_one_link(flow.destination) && flow.output_interface.empty()) answer.uncertain = kNeedsInterface;
  if (!flow.input_interface.empty()) answer.uncertain = kForwardingUnknown;
  if (!index.uncertain.empty()) answer.uncertain = index.uncertain;
  if (!flow.source) {
    choose_source(index, flow, answer, trace);
  } else if (!keep_source(index, flow, answer)) {
    return refused(FlowFate::kInvalidSource, index.uncertain);
  }
  if (trace != nullptr) tell_what_is_not_seen(index, flow, *trace);
  return answer;
}

}  // namespace vpndoctor
