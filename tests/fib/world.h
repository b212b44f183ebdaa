// SPDX-License-Identifier: Apache-2.0
// A random machine: links, addresses, sysctls, nexthop objects, routes, rules and dead neighbours, put into the
// calling thread's network namespace over netlink. What the kernel refuses is left out; what it took is asked of the
// kernel itself, never remembered here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dice.h"
#include "netlink_batch.h"
#include "vpndoctor/flow.h"
#include "vpndoctor/ip.h"
#include "vpndoctor/prefix.h"

namespace vpndoctor::fib_test {

struct WorldLink {
  std::string name;
  int index = 0;
};

/// What routes, rules and flows of one family are drawn from, so that they meet.
struct Pool {
  Family family = Family::kInet;
  std::vector<IpPrefix> prefixes;
  std::vector<IpAddress> own;
  std::vector<IpAddress> gateways;
  std::vector<std::uint32_t> next_hop_objects;
};

/// The state of a world under construction, and what flows through it are drawn from.
struct World {
  explicit World(std::uint64_t seed) : dice(seed) { inet6.family = Family::kInet6; }

  Dice dice;
  std::vector<WorldLink> links;
  std::vector<int> held;  ///< file descriptors of tun devices that keep their carrier
  Pool inet, inet6;
  std::vector<std::uint32_t> tables{254, 254, 254, 255, 253, 100, 100, 101, 51820};
  std::vector<std::uint32_t> marks{0, 0, 1, 0xca6c, 0x100};
  std::vector<std::uint32_t> uids{0, 1000, 1001, 65534};
  std::vector<std::uint16_t> ports{22, 53, 443, 500, 51820};
  std::vector<std::uint8_t> tos{0, 0, 0, 0x10, 0x08, 0x04, 0x20, 0xb8};
  unsigned refused = 0;   ///< requests that the kernel did not take
  unsigned accepted = 0;  ///< requests that it took

  Pool& pool(Family family) { return family == Family::kInet ? inet : inet6; }
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;
};

/// Builds the world of a seed in the namespace of the calling thread, which should be new.
std::unique_ptr<World> build_world(std::uint64_t seed);

/// Draws a flow: destinations near the edges of prefixes, everything else from what the rules test.
Flow random_flow(World& world, Family family);

/// The kernel's own words for what is in the namespace (ip-address, ip-rule, ip-route ...).
std::string world_words();

// Steps of build_world(), in this order.
void add_links(World& world, RouteSocket& socket);
void add_addresses(World& world, RouteSocket& socket);
void add_next_hop_objects(World& world, RouteSocket& socket);
void add_routes(World& world, RouteSocket& socket);
void add_rules(World& world, RouteSocket& socket);
void set_sysctls(World& world);
void fail_neighbours(World& world, RouteSocket& socket);

/// Draws a prefix that often contains, or is contained by, one drawn before; remembers it.
IpPrefix random_prefix(World& world, Pool& pool);
/// Draws an address inside a prefix: any, the first or the last.
IpAddress random_address(Dice& dice, const IpPrefix& prefix);
/// Sends what the batch holds and counts what was refused.
void install(World& world, RouteSocket& socket, NetlinkBatch& batch);
int address_family(Family family);  ///< AF_INET or AF_INET6

}  // namespace vpndoctor::fib_test
