// SPDX-License-Identifier: Apache-2.0
// Builds netlink messages in a byte vector, one exchange a request. Layouts: rtnetlink(7), linux/rtnetlink.h.
#include "rtnetlink.h"

#include <fmt/format.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "handles.h"

namespace vpndoctor::lab {
namespace {

/// A netlink request that grows attribute by attribute.
class Request {
 public:
  template <class Header>
  Request(std::uint16_t type, int flags, const Header& header) {
    nlmsghdr message{};
    message.nlmsg_type = type;
    message.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    append(&message, sizeof(message));
    append(&header, sizeof(header));
  }
  void append(const void* data, std::size_t length) {
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    bytes_.insert(bytes_.end(), bytes, bytes + length);
    bytes_.resize(NLMSG_ALIGN(bytes_.size()));
  }
  void attribute(std::uint16_t type, const void* data, std::size_t length) {
    const rtattr header{static_cast<std::uint16_t>(RTA_LENGTH(length)), type};
    append(&header, sizeof(header));
    append(data, length);
  }
  void number(std::uint16_t type, std::uint32_t value) { attribute(type, &value, sizeof(value)); }
  void text(std::uint16_t type, const std::string& value) { attribute(type, value.c_str(), value.size() + 1); }
  void address(std::uint16_t type, const IpAddress& value) {
    attribute(type, value.octets().data(), value.octets().size());
  }
  std::size_t open_nest(std::uint16_t type) {
    const std::size_t at = bytes_.size();
    attribute(type, nullptr, 0);
    return at;
  }
  void close_nest(std::size_t at) {
    const auto length = static_cast<std::uint16_t>(bytes_.size() - at);
    std::memcpy(bytes_.data() + at, &length, sizeof(length));
  }
  /// Sends the request and returns what came back, or the negative errno of the kernel.
  std::expected<std::vector<std::uint8_t>, int> exchange();

 private:
  std::vector<std::uint8_t> bytes_;
};

std::expected<std::vector<std::uint8_t>, int> Request::exchange() {
  const auto length = static_cast<std::uint32_t>(bytes_.size());
  std::memcpy(bytes_.data(), &length, sizeof(length));
  const Fd netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (send(netlink.get(), bytes_.data(), bytes_.size(), 0) < 0) return std::unexpected(errno);
  std::vector<std::uint8_t> answer(16384);
  const ssize_t received = recv(netlink.get(), answer.data(), answer.size(), 0);
  if (received < static_cast<ssize_t>(sizeof(nlmsghdr))) return std::unexpected(errno);
  answer.resize(static_cast<std::size_t>(received));
  nlmsghdr header;
  std::memcpy(&header, answer.data(), sizeof(header));
  if (header.nlmsg_type != NLMSG_ERROR) return answer;
  nlmsgerr error;
  std::memcpy(&error, answer.data() + sizeof(header), sizeof(error));
  if (error.error != 0) return std::unexpected(-error.error);
  return answer;
}

Result<void> acknowledged(Request& request, const std::string& what) {
  const auto answer = request.exchange();
  if (!answer) return failure(ErrorKind::kInternal, fmt::format("{}: {}", what, std::strerror(answer.error())));
  return {};
}

std::uint8_t address_family(Family family) { return family == Family::kInet ? AF_INET : AF_INET6; }

int index_of(const std::string& link) { return static_cast<int>(if_nametoindex(link.c_str())); }

/// Calls `visit(type, payload)` for each attribute in `bytes`.
template <class Visit>
void each_attribute(std::span<const std::uint8_t> bytes, Visit visit) {
  while (bytes.size() >= sizeof(rtattr)) {
    rtattr header;
    std::memcpy(&header, bytes.data(), sizeof(header));
    if (header.rta_len < sizeof(rtattr) || header.rta_len > bytes.size()) return;
    visit(header.rta_type, bytes.subspan(sizeof(header), header.rta_len - sizeof(header)));
    bytes = bytes.subspan(std::min<std::size_t>(bytes.size(), RTA_ALIGN(header.rta_len)));
  }
}

}  // namespace

Result<void> create_veth(const VethPair& pair) {
  const ifinfomsg link{};
  Request request(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, link);
  request.text(IFLA_IFNAME, pair.here);
  request.number(IFLA_MTU, pair.mtu_bytes);
  const auto info = request.open_nest(IFLA_LINKINFO);
  request.text(IFLA_INFO_KIND, "veth");
  const auto data = request.open_nest(IFLA_INFO_DATA);
  const auto peer = request.open_nest(VETH_INFO_PEER);
  request.append(&link, sizeof(link));
  request.text(IFLA_IFNAME, pair.there);
  request.number(IFLA_MTU, pair.mtu_bytes);
  request.number(IFLA_NET_NS_FD, static_cast<std::uint32_t>(pair.there_namespace));
  for (const auto nest : {peer, data, info}) request.close_nest(nest);
  return acknowledged(request, "cannot make a veth pair");
}

Result<void> bring_up(const std::string& link, std::uint32_t mtu_bytes) {
  ifinfomsg header{};
  header.ifi_index = index_of(link);
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  Request request(RTM_NEWLINK, NLM_F_ACK, header);
  request.number(IFLA_MTU, mtu_bytes);
  return acknowledged(request, "cannot bring up " + link);
}

Result<void> add_address(const std::string& link, const AddressConfig& config) {
  ifaddrmsg header{};
  header.ifa_family = address_family(config.address.family);
  header.ifa_prefixlen = config.prefix_length;
  header.ifa_flags = IFA_F_NODAD;
  header.ifa_index = static_cast<unsigned>(index_of(link));
  Request request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE, header);
  request.address(IFA_LOCAL, config.address);
  request.address(IFA_ADDRESS, config.address);
  return acknowledged(request, "cannot add an address to " + link);
}

Result<void> add_default_route(const DefaultRoute& route) {
  rtmsg header{};
  header.rtm_family = address_family(route.family);
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = route.gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  header.rtm_type = RTN_UNICAST;
  Request request(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE, header);
  request.number(RTA_OIF, static_cast<std::uint32_t>(index_of(route.link)));
  if (route.gateway) request.address(RTA_GATEWAY, *route.gateway);
  if (route.mtu_bytes) {
    const auto metrics = request.open_nest(RTA_METRICS);
    request.number(RTAX_MTU, *route.mtu_bytes);
    request.close_nest(metrics);
  }
  return acknowledged(request, "cannot add a default route through " + route.link);
}

std::optional<std::uint32_t> cached_path_mtu(const IpAddress& destination) {
  rtmsg header{};
  header.rtm_family = address_family(destination.family);
  header.rtm_dst_len = static_cast<std::uint8_t>(destination.octets().size() * 8);
  Request request(RTM_GETROUTE, 0, header);
  request.address(RTA_DST, destination);
  const auto answer = request.exchange();
  if (!answer) return std::nullopt;
  std::optional<std::uint32_t> mtu_bytes;
  bool expires = false;
  const auto attributes = std::span(*answer).subspan(NLMSG_LENGTH(sizeof(rtmsg)));
  each_attribute(attributes, [&](std::uint16_t type, std::span<const std::uint8_t> payload) {
    if (type == RTA_CACHEINFO && payload.size() >= sizeof(rta_cacheinfo)) {
      rta_cacheinfo info;
      std::memcpy(&info, payload.data(), sizeof(info));
      expires = info.rta_expires != 0;
    }
    if (type != RTA_METRICS) return;
    each_attribute(payload, [&](std::uint16_t metric, std::span<const std::uint8_t> value) {
      if (metric == RTAX_MTU && value.size() == sizeof(std::uint32_t)) {
        std::uint32_t bytes = 0;
        std::memcpy(&bytes, value.data(), sizeof(bytes));
        mtu_bytes = bytes;
      }
    });
  });
  return expires ? mtu_bytes : std::nullopt;
}

}  // namespace vpndoctor::lab
