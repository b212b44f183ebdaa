// SPDX-License-Identifier: Apache-2.0
// A random machine's links, addresses, sysctls and neighbours.
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "world.h"

namespace vpndoctor::fib_test {
namespace {

constexpr int kCreate = NLM_F_CREATE | NLM_F_ACK;

void write_sysctl(const std::string& path, int value) {
  std::ofstream file("/proc/sys/net/" + path);
  file << value << '\n';
}

void add_veth(NetlinkBatch& batch, const std::string& here, const std::string& there) {
  batch.begin(RTM_NEWLINK, kCreate, ifinfomsg{});
  batch.text(IFLA_IFNAME, here);
  const auto info = batch.open(IFLA_LINKINFO);
  batch.text(IFLA_INFO_KIND, "veth");
  const auto data = batch.open(IFLA_INFO_DATA);
  const auto peer = batch.open(VETH_INFO_PEER);
  batch.structure(ifinfomsg{});
  batch.text(IFLA_IFNAME, there);
  batch.close(peer);
  batch.close(data);
  batch.close(info);
}

void add_bridge(NetlinkBatch& batch, const std::string& name) {
  batch.begin(RTM_NEWLINK, kCreate, ifinfomsg{});
  batch.text(IFLA_IFNAME, name);
  const auto info = batch.open(IFLA_LINKINFO);
  batch.text(IFLA_INFO_KIND, "bridge");
  batch.close(info);
}

/// Makes a tun device; kept open it has a carrier, otherwise it stays without one.
void add_tun(World& world, const std::string& name, bool with_carrier) {
  const int fd = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  std::strncpy(request.ifr_name, name.c_str(), sizeof request.ifr_name - 1);
  ::ioctl(fd, TUNSETIFF, &request);
  if (with_carrier) {
    world.held.push_back(fd);
    return;
  }
  ::ioctl(fd, TUNSETPERSIST, 1);
  ::close(fd);
}

void set_link(NetlinkBatch& batch, const std::string& name, bool up, std::uint32_t group) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(::if_nametoindex(name.c_str()));
  header.ifi_flags = up ? IFF_UP : 0;
  header.ifi_change = IFF_UP;
  batch.begin(RTM_NEWLINK, NLM_F_ACK, header);
  if (group != 0) batch.number(IFLA_GROUP, group);
}

void add_address(World& world, NetlinkBatch& batch, Pool& pool, const WorldLink& link) {
  Dice& dice = world.dice;
  const bool inet = pool.family == Family::kInet;
  IpPrefix prefix = random_prefix(world, pool);
  if (prefix.length < 8 || dice.chance(50)) {
    prefix = IpPrefix::of(random_address(dice, prefix), inet ? dice.one_of<unsigned>({16, 24, 24, 30, 32})
                                                             : dice.one_of<unsigned>({48, 64, 64, 64, 127, 128}));
  }
  const IpAddress address = random_address(dice, prefix);
  ifaddrmsg header{};
  header.ifa_family = static_cast<std::uint8_t>(address_family(pool.family));
  header.ifa_prefixlen = prefix.length;
  header.ifa_index = static_cast<std::uint32_t>(link.index);
  if (inet) header.ifa_scope = dice.one_of<std::uint8_t>({0, 0, 0, 0, RT_SCOPE_LINK, RT_SCOPE_HOST, RT_SCOPE_SITE});
  batch.begin(RTM_NEWADDR, kCreate, header);
  batch.address(IFA_LOCAL, address);
  const bool peer = dice.chance(15);
  batch.address(IFA_ADDRESS, peer ? random_address(dice, random_prefix(world, pool)) : address);
  if (inet && dice.chance(50) && prefix.length < 31) batch.address(IFA_BROADCAST, prefix.last_address());
  if (!inet) {
    std::uint32_t flags = IFA_F_NODAD;
    if (prefix.length == 64 && dice.chance(20)) flags |= IFA_F_MANAGETEMPADDR;
    if (dice.chance(10)) flags |= IFA_F_NOPREFIXROUTE;
    batch.number(IFA_FLAGS, flags);
    const bool deprecated = dice.chance(20);
    batch.number(IFA_CACHEINFO, ifa_cacheinfo{deprecated ? 0U : 86400U, 864000U, 0, 0});
  }
  pool.own.push_back(address);
  pool.prefixes.push_back(prefix);
  for (int i = 0; i < 2; ++i) {
    pool.gateways.push_back(dice.chance(5) ? address : random_address(dice, prefix));
  }
}

void set_interface_sysctls(Dice& dice, const std::string& name) {
  const std::string inet = "ipv4/conf/" + name + "/";
  const std::string inet6 = "ipv6/conf/" + name + "/";
  if (dice.chance(30)) write_sysctl(inet + "rp_filter", static_cast<int>(dice.below(3)));
  if (dice.chance(30)) write_sysctl(inet + "forwarding", static_cast<int>(dice.below(2)));
  if (dice.chance(30)) write_sysctl(inet + "ignore_routes_with_linkdown", static_cast<int>(dice.below(2)));
  if (dice.chance(10)) write_sysctl(inet + "src_valid_mark", 1);
  if (dice.chance(10)) write_sysctl(inet + "accept_local", 1);
  if (dice.chance(10)) write_sysctl(inet + "route_localnet", 1);
  if (dice.chance(30)) write_sysctl(inet6 + "ignore_routes_with_linkdown", static_cast<int>(dice.below(2)));
  if (dice.chance(30)) write_sysctl(inet6 + "use_tempaddr", static_cast<int>(dice.below(3)));
}

void add_neighbour(Dice& dice, NetlinkBatch& batch, const IpAddress& address, const WorldLink& link) {
  ndmsg header{};
  header.ndm_family = static_cast<std::uint8_t>(address_family(address.family));
  header.ndm_ifindex = link.index;
  header.ndm_state = dice.one_of<std::uint16_t>({NUD_FAILED, NUD_FAILED, NUD_FAILED, NUD_STALE, NUD_INCOMPLETE});
  batch.begin(RTM_NEWNEIGH, kCreate | NLM_F_REPLACE, header);
  batch.address(NDA_DST, address);
  if (header.ndm_state == NUD_STALE) batch.put(NDA_LLADDR, std::as_bytes(std::span("\2\0\0\0\0\1", 6)));
}

}  // namespace

void add_links(World& world, RouteSocket& socket) {
  // No traffic of the kernel's own: it would change neighbours while the world is questioned.
  for (const char* where : {"all", "default"}) {
    const std::string prefix = std::string("ipv6/conf/") + where + "/";
    write_sysctl(prefix + "accept_dad", 0);
    write_sysctl(prefix + "router_solicitations", 0);
    write_sysctl(prefix + "accept_ra", 0);
  }
  NetlinkBatch batch;
  for (const char* name : {"a", "b", "c"}) add_veth(batch, std::string("v") + name, std::string("p") + name);
  add_bridge(batch, "br0");
  install(world, socket, batch);
  add_tun(world, "tun0", true);
  add_tun(world, "tun1", false);
  for (const char* name : {"pa", "pb", "pc"}) write_sysctl(std::string("ipv6/conf/") + name + "/disable_ipv6", 1);
  Dice& dice = world.dice;
  set_link(batch, "lo", true, 0);
  for (const char* name : {"pa", "pb"}) set_link(batch, name, true, 0);
  for (const char* name : {"va", "vb", "vc", "br0", "tun0", "tun1"}) {
    if (::if_nametoindex(name) == 0) continue;
    set_link(batch, name, dice.chance(90), dice.one_of<std::uint32_t>({0, 0, 1, 57841}));
    world.links.push_back({name, static_cast<int>(::if_nametoindex(name))});
  }
  set_link(batch, "pb", dice.chance(50), 0);
  install(world, socket, batch);
}

void add_addresses(World& world, RouteSocket& socket) {
  NetlinkBatch batch;
  for (const WorldLink& link : world.links) {
    for (Pool* pool : {&world.inet, &world.inet6}) {
      for (unsigned i = world.dice.below(4); i > 0; --i) add_address(world, batch, *pool, link);
    }
  }
  if (world.dice.chance(20)) add_address(world, batch, world.inet, {"lo", 1});
  if (world.dice.chance(20)) add_address(world, batch, world.inet6, {"lo", 1});
  for (Pool* pool : {&world.inet, &world.inet6}) {
    if (pool->own.empty()) add_address(world, batch, *pool, world.links.front());
    if (pool->gateways.empty()) pool->gateways.push_back(random_address(world.dice, random_prefix(world, *pool)));
  }
  install(world, socket, batch);
}

void set_sysctls(World& world) {
  Dice& dice = world.dice;
  write_sysctl("ipv4/ip_forward", dice.chance(60) ? 1 : 0);
  write_sysctl("ipv6/conf/all/forwarding", dice.chance(40) ? 1 : 0);
  if (dice.chance(20)) write_sysctl("ipv4/conf/all/rp_filter", static_cast<int>(dice.below(3)));
  if (dice.chance(20)) write_sysctl("ipv4/conf/all/ignore_routes_with_linkdown", 1);
  if (dice.chance(20)) write_sysctl("ipv6/conf/all/ignore_routes_with_linkdown", 1);
  write_sysctl("ipv4/fib_multipath_hash_policy", static_cast<int>(dice.below(3)));
  write_sysctl("ipv6/fib_multipath_hash_policy", static_cast<int>(dice.below(3)));
  write_sysctl("ipv4/fib_multipath_use_neigh", dice.chance(30) ? 1 : 0);
  for (const WorldLink& link : world.links) set_interface_sysctls(dice, link.name);
}

void fail_neighbours(World& world, RouteSocket& socket) {
  NetlinkBatch batch;
  Dice& dice = world.dice;
  for (Pool* pool : {&world.inet, &world.inet6}) {
    if (pool->gateways.empty() || dice.chance(40)) continue;
    for (unsigned i = 1 + dice.below(6); i > 0; --i) {
      const IpAddress& gateway = dice.pick(pool->gateways);
      for (const WorldLink& link : world.links) add_neighbour(dice, batch, gateway, link);
    }
  }
  install(world, socket, batch);
}

}  // namespace vpndoctor::fib_test
