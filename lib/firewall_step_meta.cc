// SPDX-License-Identifier: Apache-2.0
// What registers are loaded with from the interfaces, the socket and the routes (nft_meta.c, nft_fib.c,
// nft_fib_ipv4.c, nft_fib_ipv6.c). See firewall_step.h.
#include <algorithm>
#include <array>
#include <optional>

#include "firewall_step.h"
#include "vpndoctor/fib.h"

namespace vpndoctor {
namespace {

enum MetaKey : std::uint32_t {
  kPacketProtocol = 1,
  kPacketMark = 3,
  kInputIndex = 4,
  kOutputIndex = 5,
  kInputName = 6,
  kOutputName = 7,
  kInputType = 8,
  kOutputType = 9,
  kUser = 10,
  kGroup = 11,
  kNetworkFamily = 15,
  kTransportProtocol = 16,
  kBridgeInputName = 17,
  kBridgeOutputName = 18,
  kPacketType = 19,
  kInputGroup = 21,
  kOutputGroup = 22,
  kInputKind = 26,
  kOutputKind = 27,
};
constexpr std::size_t kNameBytes = 16;
constexpr std::uint32_t kNobody = 0xffffffff;

FirewallStep forget_value(const FirewallStepContext& context, const FirewallExpression& expression,
                          std::string_view doubt) {
  context.registers.forget(expression.destination, kNameBytes, doubt);
  return {};
}
/// The value is not known, nor whether there is one.
FirewallStep maybe(const FirewallStepContext& context, const FirewallExpression& expression, std::string_view doubt) {
  forget_value(context, expression, doubt);
  return {.passes = Truth::kMaybe, .doubt = doubt, .decisions = {}};
}

FirewallStep load(const FirewallStepContext& context, const FirewallExpression& expression,
                  std::span<const std::uint8_t> bytes) {
  Bits<kNameBytes> bits;
  bits.set(0, bytes);
  context.registers.write(expression.destination, bits.view(0, std::min(bytes.size(), kNameBytes)), {});
  return {};
}
FirewallStep load_number(const FirewallStepContext& context, const FirewallExpression& expression,
                         std::uint32_t number) {
  return load(context, expression, native_bytes(context.place.firewall, number));
}
/// A register of a half word holds it in its first two bytes (nft_reg_store16()).
FirewallStep load_half(const FirewallStepContext& context, const FirewallExpression& expression, std::uint16_t number) {
  std::array<std::uint8_t, 4> bytes{};
  const bool is_big = context.place.firewall.is_big_endian;
  bytes[is_big ? 0 : 1] = static_cast<std::uint8_t>(number >> 8U);
  bytes[is_big ? 1 : 0] = static_cast<std::uint8_t>(number & 0xffU);
  return load(context, expression, bytes);
}
FirewallStep load_byte(const FirewallStepContext& context, const FirewallExpression& expression, std::uint8_t byte) {
  return load(context, expression, std::array<std::uint8_t, 4>{byte});
}
FirewallStep load_text(const FirewallStepContext& context, const FirewallExpression& expression,
                       std::string_view text) {
  std::array<std::uint8_t, kNameBytes> bytes{};
  std::ranges::copy(octets_of(text.substr(0, kNameBytes - 1)), bytes.begin());
  return load(context, expression, bytes);
}

bool is_about_input(std::uint32_t key) {
  return key == kInputIndex || key == kInputName || key == kInputType || key == kInputGroup || key == kInputKind;
}

/// An interface's property. Where the hook has no interface, its index is 0 and its name empty; other properties match
/// nothing (nft_meta.c nft_meta_store_ifindex(), nft_meta_store_iftype()).
FirewallStep load_interface(const FirewallStepContext& context, const FirewallExpression& expression) {
  const FirewallPlace& place = context.place;
  const bool is_input = is_about_input(expression.key);
  if (!is_input && !place.is_output_known) return maybe(context, expression, "the interface it leaves by");
  const std::string& name = is_input ? place.input : place.output;
  if (expression.key == kInputName || expression.key == kOutputName) return load_text(context, expression, name);
  const Link* link = name.empty() ? nullptr : place.snapshot.find_link(name);
  if (!name.empty() && link == nullptr) return maybe(context, expression, "an interface that is not known");
  switch (expression.key) {
    case kInputIndex:
    case kOutputIndex:
      return load_number(context, expression, link == nullptr ? 0 : static_cast<std::uint32_t>(link->index));
    case kInputType:
    case kOutputType:
      return link == nullptr ? no_match() : load_half(context, expression, link->hardware_type);
    case kInputGroup:
    case kOutputGroup:
      return link == nullptr ? no_match() : load_number(context, expression, link->group);
    default:
      if (link == nullptr || link->kind.empty()) return no_match();
      return load_text(context, expression, link->kind);
  }
}

/// A forwarded packet has no socket here.
FirewallStep load_owner(const FirewallStepContext& context, const FirewallExpression& expression) {
  const bool accepts_none = expression.flags != 0;
  if (context.place.is_forwarded) {
    return accepts_none ? load_number(context, expression, kNobody) : no_match();
  }
  if (expression.key == kGroup) return maybe(context, expression, "the sending program's group");
  return load_number(context, expression, context.place.flow.uid);
}

FirewallStep load_protocols(const FirewallStepContext& context, const FirewallExpression& expression) {
  const bool is_inet = context.place.family() == Family::kInet;
  switch (expression.key) {
    case kPacketProtocol:
      return load(context, expression,
                  is_inet ? std::array<std::uint8_t, 4>{0x08, 0x00} : std::array<std::uint8_t, 4>{0x86, 0xdd});
    case kNetworkFamily:
      if (context.place.is_netdev) return load_byte(context, expression, 5);
      return load_byte(context, expression, is_inet ? 2 : 10);
    default:
      if (context.place.flow.ip_protocol == 0) return maybe(context, expression, "the packet's protocol");
      return load_byte(context, expression, context.place.flow.ip_protocol);
  }
}

enum FibResult : std::uint32_t { kOutput = 1, kOutputAsName = 2, kAddressType = 3 };
enum FibFlag : std::uint32_t {
  kOfSource = 1,
  kOfDestination = 2,
  kWithMark = 4,
  kOfInput = 8,
  kOfOutput = 16,
  kPresent = 32
};

constexpr std::string_view kFibDoubt = "a route lookup of the packet filter";

/// The address that is looked up; null: not known. One that a rule wrote into the packet is not looked up: the index
/// may be that of a part of the machine, for the flow's own addresses.
std::optional<IpAddress> looked_up(const FirewallStepContext& context, std::uint32_t flags) {
  const bool is_inet = context.place.family() == Family::kInet;
  const std::size_t length = is_inet ? 4 : 16;
  const std::size_t offset = (is_inet ? 12U : 8U) + ((flags & kOfSource) != 0 ? 0 : length);
  const BitsView bits = context.packet.network.view(offset, length);
  if (!bits.is_known()) return std::nullopt;
  const auto address = IpAddress::from_bytes(std::as_bytes(bits.value));
  const Flow& flow = context.place.flow;
  return address == flow.destination || address == flow.source ? address : std::nullopt;
}

/// inet_dev_addr_type(): what the table "local" says; all else is unicast. `device` limits what is local.
RouteType type_in_local_table(const Snapshot& snapshot, const IpAddress& address, std::string_view device) {
  if (address.is_multicast()) return RouteType::kMulticast;
  if (address.bytes[0] == 0 || address.is_limited_broadcast()) return RouteType::kBroadcast;
  const Route* best = nullptr;
  for (const Route& route : snapshot.routes->routes) {
    if (route.table != kTableLocal || !route.destination.contains(address)) continue;
    if (best == nullptr || route.destination.length > best->destination.length) best = &route;
  }
  if (best == nullptr) return RouteType::kUnicast;
  const auto& hops = snapshot.routes->hops(*best);
  const bool is_there = device.empty() || (!hops.empty() && hops.front().interface == device);
  return is_there ? best->type : RouteType::kUnicast;
}

/// nft_fib6_eval_type(): a lookup in all tables; only what is common is told apart.
std::optional<RouteType> type_of_inet6(const FirewallStepContext& context, const IpAddress& address,
                                       std::string_view device) {
  if (address.is_multicast()) return RouteType::kMulticast;
  const auto& addresses = context.place.snapshot.addresses;
  const bool is_own = addresses && std::ranges::any_of(*addresses, [&](const Address& each) {
                        return each.address == address && (device.empty() || each.interface == device);
                      });
  if (is_own) return RouteType::kLocal;
  Flow flow;
  flow.destination = address;
  const FlowAnswer answer = context.place.fib.lookup(flow);
  if (!answer.uncertain.empty()) return std::nullopt;
  if (answer.fate == FlowFate::kUnicast) return RouteType::kUnicast;
  if (answer.fate == FlowFate::kLocal) return device.empty() ? RouteType::kLocal : RouteType::kUnicast;
  return std::nullopt;
}

FirewallStep load_address_type(const FirewallStepContext& context, const FirewallExpression& expression) {
  const FirewallPlace& place = context.place;
  const auto address = looked_up(context, expression.flags);
  const bool is_from_here = (expression.flags & kOfSource) != 0 && !place.is_forwarded;
  if (!address && is_from_here) return load_number(context, expression, static_cast<std::uint32_t>(RouteType::kLocal));
  if (!address || !place.snapshot.routes) return forget_value(context, expression, kFibDoubt);
  if ((expression.flags & kOfOutput) != 0 && !place.is_output_known)
    return forget_value(context, expression, kFibDoubt);
  std::string_view device;
  if ((expression.flags & kOfInput) != 0) device = place.input;
  if ((expression.flags & kOfOutput) != 0) device = place.output;
  const auto type = address->family == Family::kInet
                        ? std::optional(type_in_local_table(place.snapshot, *address, device))
                        : type_of_inet6(context, *address, device);
  if (!type) return forget_value(context, expression, kFibDoubt);
  return load_number(context, expression, static_cast<std::uint32_t>(*type));
}

/// nft_fib4_eval(), nft_fib6_eval(): the interface that the address is reached by, when that is a unicast route; with
/// `iif`, only when it is the one that the packet came in by.
FirewallStep load_output_of(const FirewallStepContext& context, const FirewallExpression& expression) {
  const FirewallPlace& place = context.place;
  const auto address = looked_up(context, expression.flags);
  if (!address || !place.snapshot.routes || !context.packet.mark.is_known()) {
    return forget_value(context, expression, kFibDoubt);
  }
  Flow flow;
  flow.destination = *address;
  if ((expression.flags & kWithMark) != 0) flow.mark = native_number(place.firewall, context.packet.mark);
  const FlowAnswer answer = place.fib.lookup(flow);
  const bool is_doubtful = !answer.uncertain.empty() || answer.depends_on != DependsOn::kNothing;
  if (is_doubtful || answer.fate == FlowFate::kLocal) return forget_value(context, expression, kFibDoubt);
  std::string_view name = answer.fate == FlowFate::kUnicast ? answer.interface : std::string_view();
  if ((expression.flags & kOfInput) != 0 && name != place.input) name = {};
  if ((expression.flags & kPresent) != 0) return load_byte(context, expression, name.empty() ? 0 : 1);
  if (expression.key == kOutputAsName) return load_text(context, expression, name);
  const Link* link = place.snapshot.find_link(name);
  return load_number(context, expression, link == nullptr ? 0 : static_cast<std::uint32_t>(link->index));
}

}  // namespace

FirewallStep load_meta(const FirewallStepContext& context, const FirewallExpression& expression) {
  switch (expression.key) {
    case kPacketProtocol:
    case kNetworkFamily:
    case kTransportProtocol:
      return load_protocols(context, expression);
    case kPacketMark:
      context.registers.write(expression.destination, context.packet.mark.view(),
                              context.packet.mark.is_known() ? "" : "the packet's mark");
      return {};
    case kInputIndex:
    case kOutputIndex:
    case kInputName:
    case kOutputName:
    case kInputType:
    case kOutputType:
    case kInputGroup:
    case kOutputGroup:
    case kInputKind:
    case kOutputKind:
      return load_interface(context, expression);
    case kUser:
    case kGroup:
      return load_owner(context, expression);
    case kPacketType:
      return load_byte(context, expression, 0);
    case kBridgeInputName:
    case kBridgeOutputName:
      return maybe(context, expression, "a bridge");
    default:
      return maybe(context, expression, "a property of the packet that is not known");
  }
}

FirewallStep load_route(const FirewallStepContext& context, const FirewallExpression& expression) {
  if (expression.key == kAddressType) return load_address_type(context, expression);
  return load_output_of(context, expression);
}

}  // namespace vpndoctor
