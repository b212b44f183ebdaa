// SPDX-License-Identifier: Apache-2.0
// Which chains a packet passes, in their order, and what they make of it together; see the header. Follows
// net/netfilter/core.c nf_hook_slow(), net/netfilter/nf_nat_core.c nf_nat_inet_fn(), net/netfilter/nft_chain_route.c
// and net/ipv4/netfilter.c ip_route_me_harder().
#include "vpndoctor/firewall.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "firewall_machine.h"
#include "firewall_run.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::int32_t kTrackingPriority = -200;        // NF_IP_PRI_CONNTRACK
constexpr std::int32_t kDestinationNatPriority = -100;  // NF_IP_PRI_NAT_DST
constexpr std::int32_t kSourceNatPriority = 100;        // NF_IP_PRI_NAT_SRC

struct HookedChain {
  const FirewallTable* table;
  const FirewallChain* chain;
  std::int32_t priority;
};

/// Translation is one hook of the kernel's own; the chains inside of it have an order of their own.
std::int32_t priority_of(const FirewallChain& chain) {
  if (chain.type != "nat") return chain.priority;
  return chain.hook == FirewallHook::kPrerouting || chain.hook == FirewallHook::kOutput ? kDestinationNatPriority
                                                                                        : kSourceNatPriority;
}

/// A packet meets connection tracking when it comes in or is made (nf_conntrack_proto.c ipv4_conntrack_ops): chains of
/// these two hooks may come before it, those of the later hooks never do, whatever their priority is.
bool is_tracked_at(FirewallHook hook, std::int32_t priority) {
  if (hook == FirewallHook::kIngress) return false;
  const bool tracks = hook == FirewallHook::kPrerouting || hook == FirewallHook::kOutput;
  return !tracks || priority > kTrackingPriority;
}

bool is_on(const FirewallChain& chain, const std::string& interface) {
  return std::ranges::any_of(chain.devices, [&](const std::string& device) {
    const bool is_prefix = device.ends_with('*');
    return is_prefix ? interface.starts_with(device.substr(0, device.size() - 1)) : device == interface;
  });
}

/// The base chains at a hook, in the order in which they run: of equal priorities the newest is first.
std::vector<HookedChain> chains_at(const FirewallPlace& place) {
  const bool is_device_hook = place.hook == FirewallHook::kIngress || place.hook == FirewallHook::kEgress;
  const std::string_view own = place.family() == Family::kInet ? "ip" : "ip6";
  const std::string& device = place.hook == FirewallHook::kEgress ? place.output : place.input;
  std::vector<HookedChain> found;
  for (const FirewallTable& table : place.firewall.tables) {
    const bool is_family = table.family == "inet" || (is_device_hook ? table.family == "netdev" : table.family == own);
    if (table.is_dormant || !is_family) continue;
    for (const FirewallChain& chain : table.chains) {
      if (chain.hook != place.hook || (is_device_hook && !is_on(chain, device))) continue;
      found.push_back({&table, &chain, priority_of(chain)});
    }
  }
  std::ranges::reverse(found);
  std::ranges::stable_sort(found, {}, &HookedChain::priority);
  return found;
}

/// A packet on its way through the hooks.
class Journey {
 public:
  Journey(const FilteredMachine& machine, const Flow& flow, bool is_forwarded)
      : place_{.snapshot = machine.snapshot,
               .fib = machine.fib,
               .firewall = *machine.firewall,
               .flow = flow,
               .is_forwarded = is_forwarded},
        packet_(first_packet(*machine.firewall, flow)) {}

  void leave_by(const std::string& interface) { output_ = interface; }
  /// Runs the hook's chains; `has_output` where the kernel has chosen the interface already.
  void pass(FirewallHook hook, bool has_output);
  /// Routes again what has another mark or address than before.
  void route_again(const FirewallPacket& before);
  const FirewallPacket& packet() const { return packet_; }
  FirewallAnswer answer() const;

 private:
  bool is_over() const { return dropped_ && !accepted_; }
  void run(const HookedChain& hooked);
  void remember(const FirewallOutcome& outcome);
  void note_doubt(const std::string& why, const std::string& doubt);
  bool is_routed_alike(const FirewallPacket& before) const;
  std::string not_modelled() const;

  FirewallPlace place_;
  FirewallPacket packet_;
  std::string output_;
  bool is_output_known_ = true;
  bool accepted_ = true;  ///< it may still be on its way
  bool dropped_ = false;  ///< it may have been dropped
  std::string why_dropped_;
  std::string why_accepted_;
  std::string doubt_;
};

void Journey::note_doubt(const std::string& why, const std::string& doubt) {
  if (!doubt_.empty()) return;
  doubt_ = doubt.empty() ? why : fmt::format("{}: it depends on {}", why, doubt);
}

void Journey::remember(const FirewallOutcome& outcome) {
  if (outcome.drop.is_possible) {
    dropped_ = true;
    why_dropped_ = outcome.drop.why;
    const std::string& doubt = outcome.drop.doubt.empty() ? outcome.accept.doubt : outcome.drop.doubt;
    if (outcome.accept.is_possible) note_doubt(outcome.drop.why + ", or not", doubt);
  }
  if (!outcome.accept.is_possible) {
    accepted_ = false;
    return;
  }
  packet_ = outcome.accept.packet;
  if (outcome.accept.is_by_rule || why_accepted_.empty()) why_accepted_ = outcome.accept.why;
}

void Journey::run(const HookedChain& hooked) {
  const bool is_untracked_nat = hooked.chain->type == "nat" && packet_.is_untracked == Truth::kYes;
  if (is_untracked_nat) return;
  place_.has_connection = is_tracked_at(place_.hook, hooked.priority);
  place_.is_netdev = hooked.table->family == "netdev";
  const FirewallPacket before = packet_;
  FirewallOutcome outcome = run_chain(place_, *hooked.table, *hooked.chain, packet_);
  const bool may_be_untracked_nat = hooked.chain->type == "nat" && packet_.is_untracked == Truth::kMaybe;
  if (may_be_untracked_nat) {
    if (outcome.accept.is_possible) outcome.accept.packet.join(before);
    if (!outcome.accept.is_possible)
      outcome.accept = {true, "it is not tracked", "whether it is tracked", false, before};
  }
  remember(outcome);
  if (accepted_ && hooked.chain->type == "route" && place_.hook == FirewallHook::kOutput) route_again(before);
}

void Journey::pass(FirewallHook hook, bool has_output) {
  place_.hook = hook;
  place_.input = place_.is_forwarded && hook != FirewallHook::kEgress ? place_.flow.input_interface : "";
  place_.output = has_output ? output_ : "";
  place_.is_output_known = !has_output || is_output_known_;
  if (hook == FirewallHook::kEgress && !is_output_known_) return;
  for (const HookedChain& hooked : chains_at(place_)) {
    if (is_over()) return;
    run(hooked);
  }
}

/// Whether what routes look at is the same: mark, addresses and type of service.
bool Journey::is_routed_alike(const FirewallPacket& before) const {
  const std::size_t size = network_header_bytes(place_.flow);
  const std::size_t addresses = place_.family() == Family::kInet ? 12 : 8;
  const auto same = [](BitsView left, BitsView right) {
    return std::ranges::equal(left.value, right.value) && std::ranges::equal(left.known, right.known);
  };
  return before.mark == packet_.mark && before.is_redirected == packet_.is_redirected &&
         same(before.network.view(0, 2), packet_.network.view(0, 2)) &&
         same(before.network.view(addresses, size - addresses), packet_.network.view(addresses, size - addresses));
}

void Journey::route_again(const FirewallPacket& before) {
  if (is_routed_alike(before)) return;
  Flow flow = place_.flow;
  flow.mark = native_number(place_.firewall, packet_.mark);
  const bool is_known = packet_.mark.is_known() && packet_.is_redirected == Truth::kNo && place_.snapshot.routes;
  const FlowAnswer answer = is_known ? place_.fib.lookup(flow) : FlowAnswer{};
  const bool is_certain = is_known && answer.uncertain.empty() && answer.depends_on == DependsOn::kNothing;
  if (!is_certain) {
    is_output_known_ = false;
    note_doubt("a rule of the packet filter sends it another way", "");
  } else if (answer.fate == FlowFate::kUnicast) {
    output_ = answer.interface;
    is_output_known_ = true;
  } else {
    accepted_ = false;
    dropped_ = true;
    why_dropped_ = fmt::format("a rule gives it the mark {:#x}, and with it there is no route", flow.mark);
  }
}

/// What else may drop it, a phrase; empty: nothing.
std::string Journey::not_modelled() const {
  if (!place_.firewall.others.empty()) return place_.firewall.others.front() + ", which is not modelled";
  const auto filter = std::ranges::find(place_.firewall.device_filters, output_, &FirewallDeviceFilter::interface);
  if (filter != place_.firewall.device_filters.end()) return filter->what + ", which is not modelled";
  const Link* link = place_.snapshot.find_link(output_);
  if (link == nullptr || link->kind != "bridge") return {};
  for (const FirewallTable& table : place_.firewall.tables) {
    if (table.family != "bridge" || table.is_dormant) continue;
    const auto is_on_the_way = [](const FirewallChain& chain) {
      return chain.hook == FirewallHook::kOutput || chain.hook == FirewallHook::kPostrouting;
    };
    if (!std::ranges::any_of(table.chains, is_on_the_way)) continue;
    return fmt::format("table bridge {} filters what leaves by the bridge {}, which is not modelled",
                       escape_controls(table.name), escape_controls(output_));
  }
  return {};
}

FirewallAnswer Journey::answer() const {
  if (!accepted_) return {FirewallVerdict::kDropped, why_dropped_, {}};
  if (dropped_) return {FirewallVerdict::kUnknown, doubt_, {}};
  if (packet_.is_redirected != Truth::kNo) {
    return {FirewallVerdict::kUnknown, "a rule of the packet filter sends it to another address", {}};
  }
  if (!is_output_known_) return {FirewallVerdict::kUnknown, doubt_, {}};
  if (std::string other = not_modelled(); !other.empty()) {
    return {FirewallVerdict::kUnknown, std::move(other), output_};
  }
  const std::string why = why_accepted_.empty() ? "no chain of the packet filter sees it" : why_accepted_;
  return {FirewallVerdict::kAccepted, why, output_};
}

/// Why nothing can be said; nullopt: something can.
std::optional<FirewallAnswer> not_known(const Observed<Firewall>& firewall) {
  if (!firewall) {
    return FirewallAnswer{
        FirewallVerdict::kUnknown, fmt::format("the packet filter is not known: {}", firewall.why_missing()), {}};
  }
  if (firewall.is_complete()) return std::nullopt;
  return FirewallAnswer{FirewallVerdict::kUnknown,
                        fmt::format("not all of the packet filter is known: {}", firewall.limits().front()),
                        {}};
}

}  // namespace

const char* firewall_verdict_name(FirewallVerdict verdict) {
  switch (verdict) {
    case FirewallVerdict::kAccepted:
      return "accepted";
    case FirewallVerdict::kDropped:
      return "dropped";
    case FirewallVerdict::kUnknown:
      break;
  }
  return "unknown";
}

const char* firewall_hook_name(FirewallHook hook) {
  switch (hook) {
    case FirewallHook::kIngress:
      return "ingress";
    case FirewallHook::kPrerouting:
      return "prerouting";
    case FirewallHook::kInput:
      return "input";
    case FirewallHook::kForward:
      return "forward";
    case FirewallHook::kOutput:
      return "output";
    case FirewallHook::kPostrouting:
      return "postrouting";
    case FirewallHook::kEgress:
      return "egress";
    case FirewallHook::kNone:
      break;
  }
  return "";
}

FirewallAnswer follow_output(const FilteredMachine& machine, const Flow& flow, const std::string& interface) {
  if (auto answer = not_known(machine.firewall)) return *std::move(answer);
  Journey journey(machine, flow, false);
  journey.leave_by(interface);
  journey.pass(FirewallHook::kOutput, true);
  journey.pass(FirewallHook::kPostrouting, true);
  journey.pass(FirewallHook::kEgress, true);
  return journey.answer();
}

FirewallAnswer follow_forward(const FilteredMachine& machine, const Flow& flow, const std::string& interface) {
  if (auto answer = not_known(machine.firewall)) return *std::move(answer);
  Journey journey(machine, flow, true);
  journey.leave_by(interface);
  journey.pass(FirewallHook::kIngress, false);
  const FirewallPacket before = journey.packet();
  journey.pass(FirewallHook::kPrerouting, false);
  journey.route_again(before);
  journey.pass(FirewallHook::kForward, true);
  journey.pass(FirewallHook::kPostrouting, true);
  journey.pass(FirewallHook::kEgress, true);
  return journey.answer();
}

FirewallAnswer simulate_output(const Snapshot& snapshot, const Flow& flow, const std::string& interface) {
  const Fib fib(snapshot);
  return follow_output({snapshot, fib, snapshot.firewall}, flow, interface);
}

FirewallAnswer simulate_forward(const Snapshot& snapshot, const Flow& flow, const std::string& interface) {
  const Fib fib(snapshot);
  return follow_forward({snapshot, fib, snapshot.firewall}, flow, interface);
}

}  // namespace vpndoctor
