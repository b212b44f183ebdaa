// SPDX-License-Identifier: Apache-2.0
// Builds rtnetlink requests; see the header.
#include "rtnl_query.h"

#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <cerrno>
#include <cstring>

#include "netlink.h"
#include "rtnl_numbers.h"
#include "rtnl_put.h"

namespace vpndoctor {
namespace {

std::unexpected<Error> cannot_build() { return failure(ErrorKind::kInternal, "build a netlink request"); }

std::unexpected<Error> refused(const char* doing, const NetlinkReply& reply) {
  return failure(ErrorKind::kUnavailable, fmt::format("{}: {}", doing, reply.why()));
}

NlMessage route_request(const RouteQuery& query) {
  NlMessage message = netlink_message(RTM_GETROUTE, 0);
  if (!message) return message;
  rtmsg header{};
  header.rtm_family = kernel_family(query.target.family);
  header.rtm_dst_len = static_cast<std::uint8_t>(query.target.octets().size() * 8);
  header.rtm_src_len = query.source ? header.rtm_dst_len : std::uint8_t{0};
  header.rtm_flags = query.fib_entry ? RTM_F_FIB_MATCH : 0U;
  nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
  put(*message, RTA_DST, query.target);
  if (query.source) put(*message, RTA_SRC, *query.source);
  if (query.interface_index != 0) nla_put_s32(message.get(), RTA_OIF, query.interface_index);
  if (query.mark) nla_put_u32(message.get(), RTA_MARK, *query.mark);
  return message;
}

NlMessage link_request(int index, const std::string& name, int flags) {
  NlMessage message = netlink_message(RTM_GETLINK, flags);
  if (!message) return message;
  ifinfomsg header{};
  header.ifi_index = index;
  nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
  if (!name.empty()) nla_put_string(message.get(), IFLA_IFNAME, name.c_str());
  // Statistics of virtual functions are large and nobody here reads them.
  nla_put_u32(message.get(), IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  return message;
}

}  // namespace

Result<RouteAnswer> ask_route(const RouteQuery& query) {
  const NlMessage message = route_request(query);
  if (!message) return cannot_build();
  const auto reply = netlink_exchange(NETLINK_ROUTE, *message);
  if (!reply) return std::unexpected(reply.error());
  RouteAnswer answer{std::nullopt, reply->error_number, reply->error_text};
  for (const NetlinkMessage& part : reply->messages) {
    InterfaceNames none;  // an egress asks for its link by index
    if (part.type == RTM_NEWROUTE) answer.route = decode_route(part.payload, none);
  }
  if (!answer.route && answer.error_number == 0) answer.error_number = EBADMSG;
  return answer;
}

Result<std::optional<Link>> ask_link(int index, const std::string& name) {
  // IFLA_IFNAME holds 15 characters; the kernel refuses longer ones with ERANGE.
  if (index == 0 && (name.empty() || name.size() >= IFNAMSIZ)) return std::nullopt;
  const NlMessage message = link_request(index, index == 0 ? name : std::string(), 0);
  if (!message) return cannot_build();
  const auto reply = netlink_exchange(NETLINK_ROUTE, *message);
  if (!reply) return std::unexpected(reply.error());
  if (reply->error_number == ENODEV) return std::nullopt;
  if (reply->error_number != 0) return refused("read a network interface", *reply);
  for (const NetlinkMessage& part : reply->messages) {
    const auto found = part.type == RTM_NEWLINK ? decode_link(part.payload) : std::nullopt;
    if (found) return found->link;
  }
  return std::nullopt;
}

Result<std::vector<Link>> ask_links() {
  const NlMessage message = link_request(0, {}, NLM_F_DUMP);
  if (!message) return cannot_build();
  const auto reply = netlink_exchange(NETLINK_ROUTE, *message);
  if (!reply) return std::unexpected(reply.error());
  if (reply->error_number != 0) return refused("list network interfaces", *reply);
  std::vector<Link> links;
  for (const NetlinkMessage& part : reply->messages) {
    if (auto found = decode_link(part.payload)) links.push_back(std::move(found->link));
  }
  return links;
}

Result<std::vector<IpAddress>> ask_own_addresses(Family family) {
  const NlMessage message = netlink_message(RTM_GETADDR, NLM_F_DUMP);
  if (!message) return cannot_build();
  ifaddrmsg header{};
  header.ifa_family = kernel_family(family);
  nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
  const auto reply = netlink_exchange(NETLINK_ROUTE, *message);
  if (!reply) return std::unexpected(reply.error());
  if (reply->error_number != 0) return refused("list addresses", *reply);
  std::vector<IpAddress> addresses;
  for (const NetlinkMessage& part : reply->messages) {
    InterfaceNames none;
    if (const auto own = decode_address(part.payload, none)) addresses.push_back(own->address);
  }
  return addresses;
}

}  // namespace vpndoctor
