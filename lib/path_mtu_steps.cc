// SPDX-License-Identifier: Apache-2.0
// Words the steps against lost packets, and who has to take them. The commands are path_mtu_remedy.cc's.
#include "path_mtu_steps.h"

#include <fmt/format.h>

#include <utility>

#include "path_mtu_remedy.h"

namespace vpndoctor {
namespace {

std::string with_capital(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

/// A step is an alternative to those before it.
std::string sentence(const Remedy& remedy, std::string text) {
  return remedy.steps.empty() ? with_capital(std::move(text)) : "Or " + text;
}

std::string at_router(const Constriction& constriction, const std::string& message) {
  const std::string hop = hop_name(constriction.from_ttl, constriction.from_address);
  // The first hop of a path that is no tunnel is the user's own gateway, more often than not.
  const char* who = constriction.from_ttl == 1 ? "These commands are for that router, when it is yours and runs Linux."
                                               : "If it is not yours, ask whoever runs it; the commands are for a "
                                                 "Linux router.";
  return fmt::format("at {} and on the firewalls between it and this machine, let {} through. {}", hop, message, who);
}

void add_local_firewall_step(const FindingContext& context, Remedy& remedy) {
  const Family family = context.measurement.target.address.family;
  add_step(remedy,
           fmt::format("On this machine, let {} in, before the rule that drops it (`nft list ruleset` shows it).",
                       too_big_message_name(family)),
           accept_too_big_commands(family, FilterChain::kInput));
}

void add_tunnel_path_firewall_step(const FindingContext& context, Remedy& remedy) {
  const auto* outer = context.outer.measurement;
  const Family family = outer == nullptr ? context.measurement.target.address.family : outer->target.address.family;
  const std::string message = too_big_message_name(family);
  if (outer != nullptr && outer->constriction && outer->constriction->from_ttl > 0) {
    add_step(remedy, "On the path of the tunnel's own packets: " + at_router(*outer->constriction, message),
             accept_too_big_commands(family, FilterChain::kForward));
    return;
  }
  add_step(remedy,
           fmt::format("On the path of the tunnel's own packets, outside it, let {} through: ask whoever runs its "
                       "routers and firewalls; the commands are for a Linux router.",
                       message),
           accept_too_big_commands(family, FilterChain::kForward));
}

void add_firewall_step(const FindingContext& context, Remedy& remedy) {
  const auto& measurement = context.measurement;
  const auto& constriction = measurement.constriction;
  const Family family = measurement.target.address.family;
  const std::string message = too_big_message_name(family);
  if (context.judgement.eaten_locally && context.judgement.forward_lost)
    return add_local_firewall_step(context, remedy);
  const bool inside_tunnel = !constriction || constriction->from_ttl == 0;
  if (measurement.egress.is_tunnel && inside_tunnel) return add_tunnel_path_firewall_step(context, remedy);
  auto commands = accept_too_big_commands(family, FilterChain::kForward);
  if (context.judgement.direction == Direction::kReverse) {
    add_step(remedy,
             fmt::format("Let {} reach {}: ask whoever runs it and the firewalls on the way back; the commands are for "
                         "a Linux router.",
                         message, measurement.target.host),
             std::move(commands));
  } else if (!constriction) {
    add_step(remedy,
             fmt::format("On the routers and firewalls on the way, let {} through: ask whoever runs them; the commands "
                         "are for a Linux router.",
                         message),
             std::move(commands));
  } else if (constriction->from_ttl == 0) {
    add_step(
        remedy,
        "Look for a switch, a bridge or an access point between this machine and the first hop: no router is there "
        "that could say so. Give it the MTU of the interface here.");
  } else {
    add_step(remedy, with_capital(at_router(*constriction, message)), std::move(commands));
  }
}

std::string mtu_sentence(const FindingContext& context, std::uint32_t bytes) {
  const auto& egress = context.measurement.egress;
  std::string text =
      fmt::format("set the MTU of {}{} to {} bytes", egress.is_tunnel ? "the tunnel " : "", egress.interface, bytes);
  if (context.judgement.direction == Direction::kReverse) text += ": TCP then asks for segments that fit";
  text += ".";
  if (bytes < minimum_mtu_bytes(Family::kInet6)) text += " Below 1280 bytes Linux disables IPv6 on it.";
  return text;
}

}  // namespace

std::string too_big_message_name(Family family) {
  return family == Family::kInet ? "ICMP type 3 code 4 (fragmentation needed)" : "ICMPv6 type 2 (packet too big)";
}

bool is_below_ipv6_minimum(const FindingContext& context) {
  const auto& limit = context.judgement.forward.at_most_bytes;
  return context.measurement.target.address.family == Family::kInet6 && context.judgement.answered && limit &&
         *limit < minimum_mtu_bytes(Family::kInet6);
}

void add_mtu_steps(const FindingContext& context, Remedy& remedy) {
  const auto& measurement = context.measurement;
  const auto& advice = context.diagnosis.advice;
  if (advice.interface_mtu_bytes) {
    add_step(remedy, sentence(remedy, mtu_sentence(context, *advice.interface_mtu_bytes)),
             set_mtu_commands(measurement, advice));
  } else if (measurement.egress.is_tunnel && context.outer.measurement == nullptr) {
    add_step(remedy,
             sentence(remedy,
                      "set the tunnel's MTU: the right value follows from the path that its own packets take, "
                      "which this measures."),
             {{"linux", {"vpndoctor", "mtu", "--outer", measurement.target.host}, true}});
  }
  auto lines = tunnel_lines(measurement, advice);
  if (!lines.empty())
    add_step(remedy, sentence(remedy, "set the MTU of the tunnel, when only a tunnel over this path suffers."),
             std::move(lines));
}

void add_clamp_step(const FindingContext& context, Remedy& remedy) {
  const auto& advice = context.diagnosis.advice;
  if (!advice.tcp_mss_bytes) return;
  add_step(remedy,
           sentence(remedy, fmt::format("clamp the TCP MSS to {} bytes on {}; this helps TCP, not UDP.",
                                        *advice.tcp_mss_bytes, context.measurement.egress.interface)),
           clamp_mss_commands(context.measurement, advice));
}

Remedy hole_remedy(const FindingContext& context) {
  Remedy remedy;
  if (is_below_ipv6_minimum(context)) {
    add_step(remedy,
             "Raise the MTU of the tunnel or link that is too small to at least 1280 bytes, or do not carry IPv6 "
             "there: no setting on this machine can help.");
    return remedy;
  }
  add_firewall_step(context, remedy);
  add_mtu_steps(context, remedy);
  add_clamp_step(context, remedy);
  return remedy;
}

}  // namespace vpndoctor
