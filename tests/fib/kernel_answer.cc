// SPDX-License-Identifier: Apache-2.0
// RTM_GETROUTE requests for flows, and the decoding of their answers.
#include "kernel_answer.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <bit>
#include <cerrno>
#include <map>

namespace vpndoctor::fib_test {
namespace {

// From the kernel's include/uapi/linux/rtnetlink.h.
constexpr unsigned kFibMatch = 0x2000;
constexpr unsigned kLookupTable = 0x1000;

/// Finds an attribute of a route message the slow and simple way.
std::span<const std::byte> attribute(std::span<const std::byte> payload, int wanted) {
  for (std::size_t at = NLMSG_ALIGN(sizeof(rtmsg)); at + sizeof(rtattr) <= payload.size();) {
    rtattr header;
    std::memcpy(&header, payload.data() + at, sizeof header);
    if (header.rta_len < sizeof header || at + header.rta_len > payload.size()) return {};
    if (header.rta_type == wanted) return payload.subspan(at + sizeof header, header.rta_len - sizeof header);
    at += RTA_ALIGN(header.rta_len);
  }
  return {};
}

std::optional<std::uint32_t> number(std::span<const std::byte> payload, int wanted) {
  const auto bytes = attribute(payload, wanted);
  std::uint32_t value = 0;
  if (bytes.size() != sizeof value) return std::nullopt;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::string interface_name(std::optional<std::uint32_t> index) {
  std::array<char, IF_NAMESIZE> name{};
  if (!index || ::if_indextoname(*index, name.data()) == nullptr) return {};
  return name.data();
}

std::optional<IpAddress> gateway_of(std::span<const std::byte> payload) {
  if (const auto direct = IpAddress::from_bytes(attribute(payload, RTA_GATEWAY))) return direct;
  const auto via = attribute(payload, RTA_VIA);
  return via.size() < 2 ? std::nullopt : IpAddress::from_bytes(via.subspan(2));
}

/// Names of interfaces, each asked once.
using Names = std::map<std::uint32_t, std::string>;

void read_path(const NetlinkAnswer& reply, Names& names, KernelAnswer& answer) {
  answer.error_number = reply.error_number;
  if (reply.payload.empty()) return;
  rtmsg header;
  std::memcpy(&header, reply.payload.data(), sizeof header);
  answer.type = header.rtm_type;
  const auto index = number(reply.payload, RTA_OIF);
  std::string& name = names[index.value_or(0)];
  if (name.empty()) name = interface_name(index);
  answer.interface = name;
  answer.gateway = gateway_of(reply.payload);
  answer.source = IpAddress::from_bytes(attribute(reply.payload, RTA_PREFSRC));
  answer.table = number(reply.payload, RTA_TABLE).value_or(header.rtm_table);
}

void read_match(const NetlinkAnswer& reply, Family family, KernelAnswer& answer) {
  answer.match_error_number = reply.error_number;
  if (reply.payload.empty()) return;
  rtmsg header;
  std::memcpy(&header, reply.payload.data(), sizeof header);
  const IpAddress none{.family = family, .bytes = {}};
  answer.match =
      IpPrefix::of(IpAddress::from_bytes(attribute(reply.payload, RTA_DST)).value_or(none), header.rtm_dst_len);
  answer.match_table = number(reply.payload, RTA_TABLE).value_or(header.rtm_table);
  answer.match_metric = number(reply.payload, RTA_PRIORITY).value_or(0);
  answer.match_tos = header.rtm_tos;
}

void ask(NetlinkBatch& batch, const Flow& flow, unsigned flags) {
  const bool inet = flow.destination.family == Family::kInet;
  const auto bits = static_cast<std::uint8_t>(address_bits(flow.destination.family));
  rtmsg header{};
  header.rtm_family = inet ? AF_INET : AF_INET6;
  header.rtm_dst_len = bits;
  header.rtm_src_len = flow.source ? bits : std::uint8_t{0};
  header.rtm_tos = flow.tos;
  header.rtm_flags = flags;
  batch.begin(RTM_GETROUTE, 0, header);
  batch.address(RTA_DST, flow.destination);
  if (flow.source) batch.address(RTA_SRC, *flow.source);
  if (!flow.input_interface.empty()) batch.number(RTA_IIF, ::if_nametoindex(flow.input_interface.c_str()));
  if (!flow.output_interface.empty()) batch.number(RTA_OIF, ::if_nametoindex(flow.output_interface.c_str()));
  if (flow.mark != 0) batch.number(RTA_MARK, flow.mark);
  batch.number(RTA_UID, flow.uid);
  if (flow.ip_protocol != 0) batch.number(RTA_IP_PROTO, flow.ip_protocol);
  const auto network_order = [](std::uint16_t port) { return static_cast<std::uint16_t>(port << 8U | port >> 8U); };
  if (flow.source_port != 0) batch.number(RTA_SPORT, network_order(flow.source_port));
  if (flow.destination_port != 0) batch.number(RTA_DPORT, network_order(flow.destination_port));
}

}  // namespace

std::vector<KernelAnswer> ask_kernel(RouteSocket& socket, std::span<const Flow> flows) {
  std::vector<KernelAnswer> answers;
  Names names;
  NetlinkBatch batch;
  for (const Flow& flow : flows) {
    // IPv6 does not take the flag, and says the table without it.
    ask(batch, flow, flow.destination.family == Family::kInet ? kLookupTable : 0);
    ask(batch, flow, kFibMatch | (flow.destination.family == Family::kInet ? kLookupTable : 0));
  }
  const auto replies = socket.exchange(batch);
  for (std::size_t i = 0; i < flows.size(); ++i) {
    KernelAnswer& answer = answers.emplace_back();
    read_path(replies[2 * i], names, answer);
    read_match(replies[2 * i + 1], flows[i].destination.family, answer);
  }
  return answers;
}

}  // namespace vpndoctor::fib_test
