// SPDX-License-Identifier: Apache-2.0
// What registers are loaded with from the packet and its connection (nft_payload.c, nft_ct.c, nft_exthdr.c). See
// firewall_step.h.
#include <algorithm>
#include <array>

#include "firewall_step.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

enum PayloadBase : std::uint32_t { kLinkHeader, kNetworkHeader, kTransportHeader };
enum ConnectionKey : std::uint32_t {
  kState,
  kDirection,
  kStatus,
  kMark,
  kProtocolOfNetwork = 7,
  kSource = 8,
  kDestination = 9,
  kProtocol = 10,
  kSourcePort = 11,
  kDestinationPort = 12,
  kZone = 17,
  kSourceInet = 19,
  kDestinationInet = 20,
  kSourceInet6 = 21,
  kDestinationInet6 = 22,
};
// nf_conntrack_common.h NF_CT_STATE_*.
constexpr std::uint32_t kStateInvalid = 1;
constexpr std::uint32_t kStateNew = 8;
constexpr std::uint32_t kStateUntracked = 64;

constexpr std::string_view kHeaderDoubt = "a field of the packet that is not known";
constexpr std::string_view kConnectionDoubt = "a property of the connection that is not known";
constexpr std::string_view kTrackingDoubt = "whether the connection is tracked";

FirewallStep maybe(std::string_view doubt) { return {.passes = Truth::kMaybe, .doubt = doubt, .decisions = {}}; }

FirewallStep load(const FirewallStepContext& context, std::uint32_t word, BitsView bits, std::string_view doubt) {
  context.registers.write(word, bits, bits.is_known() ? std::string_view() : doubt);
  return {};
}

FirewallStep load_number(const FirewallStepContext& context, std::uint32_t word, std::uint32_t number) {
  Bits<4> bits;
  bits.set(0, native_bytes(context.place.firewall, number));
  return load(context, word, bits.view(), {});
}

FirewallStep load_byte(const FirewallStepContext& context, std::uint32_t word, std::uint8_t byte) {
  Bits<4> bits;
  bits.set(0, std::array<std::uint8_t, 4>{byte});
  return load(context, word, bits.view(), {});
}

FirewallStep forget(const FirewallStepContext& context, const FirewallExpression& expression, std::string_view doubt) {
  context.registers.forget(expression.destination, expression.length == 0 ? 16 : expression.length, doubt);
  return {};
}

/// Of a packet that is being made only egress has one; of one that came in there is one with known type alone.
FirewallStep load_link_header(const FirewallStepContext& context, const FirewallExpression& expression) {
  const bool has_header = context.place.is_forwarded || context.place.hook == FirewallHook::kEgress;
  return has_header ? forget(context, expression, "a hardware address") : no_match();
}

std::size_t header_bytes(const FirewallStepContext& context, std::uint32_t base) {
  const Flow& flow = context.place.flow;
  return base == kNetworkHeader ? network_header_bytes(flow) : transport_header_bytes(flow);
}

/// A tuple's address or port: of the first packet before any rule changed it, as it is in this direction.
FirewallStep load_tuple(const FirewallStepContext& context, const FirewallExpression& expression, bool is_source) {
  constexpr std::uint32_t kReply = 2;
  const FirewallPacket original = first_packet(context.place.firewall, context.place.flow);
  const bool is_inet = context.place.family() == Family::kInet;
  const bool wants_source = (expression.flags == kReply) != is_source;
  // The other direction's tuple is the translated one.
  if (expression.flags == kReply) return forget(context, expression, kConnectionDoubt);
  const std::size_t length = is_inet ? 4 : 16;
  const std::size_t offset = (is_inet ? 12U : 8U) + (wants_source ? 0 : length);
  return load(context, expression.destination, original.network.view(offset, length), "the packet's source address");
}

FirewallStep load_tuple_port(const FirewallStepContext& context, const FirewallExpression& expression, bool is_source) {
  constexpr std::uint32_t kReply = 2;
  const std::uint8_t protocol = context.place.flow.ip_protocol;
  const bool has_ports = protocol == kProtocolTcp || protocol == kProtocolUdp;
  if (expression.flags == kReply || !has_ports) return forget(context, expression, kConnectionDoubt);
  const FirewallPacket original = first_packet(context.place.firewall, context.place.flow);
  return load(context, expression.destination, original.transport.view(is_source ? 0 : 2, 2), kHeaderDoubt);
}

std::uint32_t state_of(const FirewallStepContext& context) {
  if (context.packet.is_untracked == Truth::kYes) return kStateUntracked;
  return context.place.has_connection ? kStateNew : kStateInvalid;
}

FirewallStep load_tracked(const FirewallStepContext& context, const FirewallExpression& expression) {
  const std::uint32_t word = expression.destination;
  switch (expression.key) {
    case kDirection:
      return load_byte(context, word, 0);
    case kStatus:
      return load(context, word, context.packet.ct_status.view(), kConnectionDoubt);
    case kMark:
      return load(context, word, context.packet.ct_mark.view(), "the connection's mark");
    case kProtocolOfNetwork:
      return load_byte(context, word, context.place.family() == Family::kInet ? 2 : 10);
    case kProtocol:
      if (context.place.flow.ip_protocol == 0) return forget(context, expression, kHeaderDoubt);
      return load_byte(context, word, context.place.flow.ip_protocol);
    case kSource:
    case kSourceInet:
    case kSourceInet6:
      return load_tuple(context, expression, true);
    case kDestination:
    case kDestinationInet:
    case kDestinationInet6:
      return load_tuple(context, expression, false);
    case kSourcePort:
    case kDestinationPort:
      return load_tuple_port(context, expression, expression.key == kSourcePort);
    default:
      forget(context, expression, kConnectionDoubt);
      return maybe(kConnectionDoubt);
  }
}

bool is_of_connection(const FirewallStepContext& context) {
  return context.place.has_connection && context.packet.is_untracked == Truth::kNo;
}

/// True when the bytes of the packet that are written decide where it goes.
void write_header(const FirewallStepContext& context, const FirewallExpression& expression, BitsView value) {
  if (expression.key == kNetworkHeader) {
    context.packet.network.set(expression.offset, value);
    const std::size_t destination = context.place.family() == Family::kInet ? 16 : 24;
    const std::size_t length = context.place.family() == Family::kInet ? 4 : 16;
    const bool is_redirected =
        expression.offset + value.value.size() > destination && expression.offset < destination + length;
    if (is_redirected) context.packet.is_redirected = Truth::kYes;
  } else {
    context.packet.transport.set(expression.offset, value);
  }
}

}  // namespace

FirewallStep load_payload(const FirewallStepContext& context, const FirewallExpression& expression) {
  if (expression.key == kLinkHeader) return load_link_header(context, expression);
  if (expression.key > kTransportHeader) {
    forget(context, expression, "the packet's content");
    return maybe("the packet's content");
  }
  if (expression.key == kTransportHeader && context.place.flow.ip_protocol == 0) {
    forget(context, expression, "the packet's protocol");
    return maybe("the packet's protocol");
  }
  const std::size_t length = std::size_t{expression.offset} + expression.length;
  if (length > header_bytes(context, expression.key)) {
    forget(context, expression, "the packet's content");
    return maybe("the packet's content");
  }
  const FirewallPacket& packet = context.packet;
  const BitsView bits = expression.key == kNetworkHeader ? packet.network.view(expression.offset, expression.length)
                                                         : packet.transport.view(expression.offset, expression.length);
  return load(context, expression.destination, bits, kHeaderDoubt);
}

FirewallStep store_payload(const FirewallStepContext& context, const FirewallExpression& expression) {
  if (expression.key != kNetworkHeader && expression.key != kTransportHeader) return {};
  const BitsView value = context.registers.read(expression.source, expression.length);
  if (expression.length > kLargestNetworkHeader || value.value.empty()) return maybe("the packet's content");
  write_header(context, expression, value);
  return {};
}

FirewallStep load_connection(const FirewallStepContext& context, const FirewallExpression& expression) {
  const bool may_be_untracked = context.packet.is_untracked == Truth::kMaybe;
  if (expression.key == kState) {
    if (may_be_untracked) return forget(context, expression, kTrackingDoubt);
    return load_number(context, expression.destination, state_of(context));
  }
  if (!context.place.has_connection || context.packet.is_untracked == Truth::kYes) return no_match();
  FirewallStep step = load_tracked(context, expression);
  if (may_be_untracked && step.passes == Truth::kYes) step = maybe(kTrackingDoubt);
  return step;
}

FirewallStep store_connection(const FirewallStepContext& context, const FirewallExpression& expression) {
  if (expression.key != kMark) return {};
  if (!is_of_connection(context)) {
    if (context.packet.is_untracked == Truth::kMaybe) context.packet.ct_mark.forget();
    return {};
  }
  context.packet.ct_mark.forget();
  context.packet.ct_mark.set(0, context.registers.read(expression.source, 4));
  return {};
}

FirewallStep load_extension_header(const FirewallStepContext& context, const FirewallExpression& expression) {
  enum Kind : std::uint32_t { kOfInet6, kTcpOption, kOfInet };  // NFT_EXTHDR_OP_*
  constexpr std::uint32_t kPresent = 1;
  const Flow& flow = context.place.flow;
  if (expression.operation == kTcpOption && (flow.ip_protocol == kProtocolTcp || flow.ip_protocol == 0)) {
    // The options of a SYN are the sender's choice.
    forget(context, expression, "a TCP option");
    return maybe("a TCP option");
  }
  const bool is_of_this_header = expression.operation == kOfInet6  ? context.place.family() == Family::kInet6
                                 : expression.operation == kOfInet ? context.place.family() == Family::kInet
                                                                   : false;
  if (!is_of_this_header || (expression.flags & kPresent) == 0) return no_match();
  return load_byte(context, expression.destination, 0);
}

}  // namespace vpndoctor
