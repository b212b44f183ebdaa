// SPDX-License-Identifier: Apache-2.0
// A random machine's nexthop objects and routes.
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include <algorithm>

#include "world.h"

namespace vpndoctor::fib_test {
namespace {

constexpr int kCreate = NLM_F_CREATE | NLM_F_ACK;
constexpr std::uint8_t kUnicast = RTN_UNICAST;

std::uint8_t random_type(Dice& dice, Family family) {
  if (dice.chance(78)) return kUnicast;
  if (family == Family::kInet6) {
    return dice.one_of<std::uint8_t>({RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW, RTN_THROW, RTN_LOCAL});
  }
  return dice.one_of<std::uint8_t>(
      {RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW, RTN_THROW, RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST});
}

bool has_next_hop(std::uint8_t type) { return type <= RTN_MULTICAST; }

/// IPv4 gateways reached over IPv6 are RTA_VIA.
void put_gateway(NetlinkBatch& batch, Family family, const IpAddress& gateway) {
  if (gateway.family == family) {
    batch.address(RTA_GATEWAY, gateway);
    return;
  }
  std::vector<std::byte> via(sizeof(std::uint16_t));
  const auto number = static_cast<std::uint16_t>(address_family(gateway.family));
  std::memcpy(via.data(), &number, sizeof number);
  const auto octets = std::as_bytes(gateway.octets());
  via.insert(via.end(), octets.begin(), octets.end());
  batch.put(RTA_VIA, via);
}

const IpAddress& random_gateway(World& world, Pool& pool) {
  const bool other = pool.family == Family::kInet && world.dice.chance(5) && !world.inet6.gateways.empty();
  return world.dice.pick(other ? world.inet6.gateways : pool.gateways);
}

void put_legs(World& world, NetlinkBatch& batch, Pool& pool) {
  Dice& dice = world.dice;
  const auto legs = batch.open(RTA_MULTIPATH);
  for (unsigned i = 2 + dice.below(3); i > 0; --i) {
    const bool on_link = dice.chance(40);
    rtnexthop hop{};
    hop.rtnh_flags = on_link ? RTNH_F_ONLINK : 0;
    hop.rtnh_hops = static_cast<std::uint8_t>(dice.one_of<int>({0, 0, 1, 9}));
    hop.rtnh_ifindex = on_link || dice.chance(50) ? dice.pick(world.links).index : 0;
    const auto at = batch.structure(hop);
    if (pool.family == Family::kInet6 || on_link || dice.chance(80)) {
      put_gateway(batch, pool.family, random_gateway(world, pool));
    }
    batch.close_structure(at);
  }
  batch.close(legs);
}

/// What is between the header and the next hops of a route.
struct RouteDraft {
  rtmsg header{};
  std::uint32_t table = 254;
  std::uint32_t metric = 0;
  bool gateway = false;
  bool object = false;
  bool several = false;
};

RouteDraft random_draft(World& world, Pool& pool) {
  Dice& dice = world.dice;
  RouteDraft draft;
  const bool inet = pool.family == Family::kInet;
  draft.table = dice.pick(world.tables);
  draft.metric = dice.one_of<std::uint32_t>({0, 0, 0, 100, 100, 200, 2048});
  draft.gateway = dice.chance(65);
  draft.object = !pool.next_hop_objects.empty() && dice.chance(12);
  draft.several = !draft.object && dice.chance(12);
  rtmsg& header = draft.header;
  header.rtm_family = static_cast<std::uint8_t>(address_family(pool.family));
  header.rtm_type = random_type(dice, pool.family);
  if (draft.object) header.rtm_type = kUnicast;
  header.rtm_protocol = dice.one_of<std::uint8_t>({RTPROT_BOOT, RTPROT_STATIC, 16});
  header.rtm_scope = header.rtm_type == RTN_LOCAL                     ? RT_SCOPE_HOST
                     : draft.gateway || draft.object || draft.several ? RT_SCOPE_UNIVERSE
                                                                      : RT_SCOPE_LINK;
  if (inet && dice.chance(5)) header.rtm_scope = dice.one_of<std::uint8_t>({RT_SCOPE_SITE, RT_SCOPE_LINK, 42});
  if (inet && dice.chance(20)) header.rtm_tos = dice.pick(world.tos);
  // A dump of IPv6 leaves out a route without a gateway that stands between siblings of the same metric.
  if (!inet && draft.metric != 0 && !draft.gateway && !draft.several) ++draft.metric;
  if (!inet && draft.metric == 0 && !draft.gateway && !draft.several) draft.metric = 77;
  return draft;
}

void put_next_hop(World& world, NetlinkBatch& batch, Pool& pool, RouteDraft& draft) {
  Dice& dice = world.dice;
  if (draft.object) {
    batch.number(RTA_NH_ID, dice.pick(pool.next_hop_objects));
  } else if (draft.several) {
    put_legs(world, batch, pool);
  } else {
    if (draft.gateway) put_gateway(batch, pool.family, random_gateway(world, pool));
    const bool on_link = (draft.header.rtm_flags & RTNH_F_ONLINK) != 0;
    if (!draft.gateway || on_link || dice.chance(60)) batch.number(RTA_OIF, dice.pick(world.links).index);
  }
}

void add_route(World& world, NetlinkBatch& batch, Pool& pool) {
  Dice& dice = world.dice;
  RouteDraft draft = random_draft(world, pool);
  const bool own = draft.header.rtm_type == RTN_LOCAL && dice.chance(50);
  const IpPrefix destination = own ? IpPrefix::host(dice.pick(pool.own)) : random_prefix(world, pool);
  std::optional<IpPrefix> source;
  if (pool.family == Family::kInet6 && dice.chance(20)) source = random_prefix(world, pool);
  draft.header.rtm_dst_len = destination.length;
  draft.header.rtm_src_len = source ? source->length : std::uint8_t{0};
  if (draft.gateway && dice.chance(40)) draft.header.rtm_flags |= RTNH_F_ONLINK;
  const int flags = pool.family == Family::kInet ? dice.one_of<int>({NLM_F_APPEND, NLM_F_APPEND, 0, NLM_F_EXCL})
                                                 : dice.one_of<int>({NLM_F_APPEND, NLM_F_EXCL, NLM_F_REPLACE});
  batch.begin(RTM_NEWROUTE, kCreate | flags, draft.header);
  if (destination.length > 0) batch.address(RTA_DST, destination.address);
  if (source && source->length > 0) batch.address(RTA_SRC, source->address);
  batch.number(RTA_TABLE, draft.table);
  if (draft.metric != 0) batch.number(RTA_PRIORITY, draft.metric);
  if (dice.chance(15)) batch.address(RTA_PREFSRC, dice.pick(pool.own));
  if (pool.family == Family::kInet6 && dice.chance(20)) batch.number(RTA_PREF, dice.one_of<std::uint8_t>({0, 1, 3}));
  if (has_next_hop(draft.header.rtm_type)) put_next_hop(world, batch, pool, draft);
}

void add_object(World& world, NetlinkBatch& batch, Pool& pool, std::uint32_t id) {
  Dice& dice = world.dice;
  nhmsg header{};
  header.nh_family = static_cast<std::uint8_t>(address_family(pool.family));
  const bool onlink = dice.chance(40);
  header.nh_flags = onlink ? RTNH_F_ONLINK : 0;
  batch.begin(RTM_NEWNEXTHOP, kCreate, header);
  batch.number(NHA_ID, id);
  if (dice.chance(10)) {
    batch.put(NHA_BLACKHOLE, {});
    return;
  }
  batch.number(NHA_OIF, dice.pick(world.links).index);
  if (dice.chance(80)) batch.address(NHA_GATEWAY, dice.pick(pool.gateways));
}

void add_group(World& world, NetlinkBatch& batch, const std::vector<std::uint32_t>& members, std::uint32_t id) {
  batch.begin(RTM_NEWNEXTHOP, kCreate, nhmsg{});
  batch.number(NHA_ID, id);
  std::vector<nexthop_grp> group;
  for (const std::uint32_t member : members) {
    if (!world.dice.chance(60)) continue;
    group.push_back({member, static_cast<std::uint8_t>(world.dice.below(4)), 0, 0});
  }
  batch.put(NHA_GROUP, std::as_bytes(std::span(group)));
}

/// Of what was asked for in order, the ids of what the kernel took.
void install_objects(World& world, RouteSocket& socket, NetlinkBatch& batch, Pool& pool, std::uint32_t first) {
  for (const NetlinkAnswer& answer : socket.exchange(batch)) {
    if (answer.error_number == 0) pool.next_hop_objects.push_back(first);
    ++(answer.error_number == 0 ? world.accepted : world.refused);
    ++first;
  }
}

}  // namespace

void add_next_hop_objects(World& world, RouteSocket& socket) {
  std::uint32_t base = 1;
  for (Pool* pool : {&world.inet, &world.inet6}) {
    NetlinkBatch batch;
    for (std::uint32_t i = 0; i < 6; ++i) add_object(world, batch, *pool, base + i);
    install_objects(world, socket, batch, *pool, base);
    const std::vector<std::uint32_t> members = pool->next_hop_objects;
    for (std::uint32_t i = 0; i < 3; ++i) add_group(world, batch, members, base + 50 + i);
    install_objects(world, socket, batch, *pool, base + 50);
    base += 100;
  }
}

void add_routes(World& world, RouteSocket& socket) {
  for (Pool* pool : {&world.inet, &world.inet6}) {
    NetlinkBatch batch;
    for (unsigned i = 10 + world.dice.below(60); i > 0; --i) add_route(world, batch, *pool);
    install(world, socket, batch);
  }
}

}  // namespace vpndoctor::fib_test
