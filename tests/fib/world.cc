// SPDX-License-Identifier: Apache-2.0
// The order in which a random machine is made, and the drawing of prefixes and addresses.
#include "world.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace vpndoctor::fib_test {
namespace {

IpPrefix parsed(const char* text) { return *IpPrefix::parse(text); }

const std::vector<IpPrefix>& base_prefixes(Family family) {
  static const std::vector<IpPrefix> inet{
      parsed("0.0.0.0/0"),      parsed("10.0.0.0/8"),      parsed("10.64.0.0/16"),    parsed("192.168.0.0/16"),
      parsed("203.0.113.0/24"), parsed("198.51.100.0/24"), parsed("172.16.0.0/12"),   parsed("128.0.0.0/1"),
      parsed("0.0.0.0/1"),      parsed("100.64.0.0/10"),   parsed("169.254.0.0/16"),  parsed("224.0.0.0/4"),
      parsed("239.1.0.0/16"),   parsed("127.0.0.0/8"),     parsed("192.168.77.0/24"),
  };
  static const std::vector<IpPrefix> inet6{
      parsed("::/0"),     parsed("2001:db8::/32"),  parsed("2001:db8:1::/48"), parsed("2001:db8:1:2::/64"),
      parsed("fd00::/8"), parsed("fd12:3456::/48"), parsed("2000::/3"),        parsed("64:ff9b::/96"),
      parsed("ff00::/8"), parsed("fe80::/10"),      parsed("2002::/16"),       parsed("::/1"),
      parsed("8000::/1"), parsed("fec0::/10"),
  };
  return family == Family::kInet ? inet : inet6;
}

void flip_bits_behind(Dice& dice, IpAddress& address, unsigned length) {
  for (unsigned bit = length; bit < address_bits(address.family); ++bit) {
    if (dice.chance(50)) address.bytes[bit / 8] ^= static_cast<std::uint8_t>(0x80U >> (bit % 8));
  }
}

unsigned random_length(Dice& dice, Family family) {
  if (family == Family::kInet)
    return dice.one_of<unsigned>({0, 1, 4, 8, 12, 16, 20, 23, 24, 24, 25, 28, 30, 31, 32, 32});
  return dice.one_of<unsigned>({0, 1, 3, 8, 16, 32, 32, 48, 48, 56, 64, 64, 64, 80, 96, 112, 126, 127, 128, 128});
}

}  // namespace

World::~World() {
  for (const int fd : held) ::close(fd);
}

int address_family(Family family) { return family == Family::kInet ? AF_INET : AF_INET6; }

IpAddress random_address(Dice& dice, const IpPrefix& prefix) {
  if (dice.chance(15)) return prefix.address;
  if (dice.chance(15)) return prefix.last_address();
  IpAddress address = prefix.address;
  if (dice.chance(40)) {  // near the beginning, where others are as well
    address.bytes[address.octets().size() - 1] ^= static_cast<std::uint8_t>(dice.below(8));
    if (prefix.contains(address)) return address;
  }
  address = prefix.address;
  flip_bits_behind(dice, address, prefix.length);
  return address;
}

IpPrefix random_prefix(World& world, Pool& pool) {
  Dice& dice = world.dice;
  const bool from_before = !pool.prefixes.empty() && dice.chance(65);
  const IpPrefix around = from_before ? dice.pick(pool.prefixes) : dice.pick(base_prefixes(pool.family));
  if (from_before && dice.chance(40)) return around;
  const unsigned length = random_length(dice, pool.family);
  const IpPrefix prefix = IpPrefix::of(length > around.length ? random_address(dice, around) : around.address, length);
  pool.prefixes.push_back(prefix);
  return prefix;
}

void install(World& world, RouteSocket& socket, NetlinkBatch& batch) {
  for (const NetlinkAnswer& answer : socket.exchange(batch)) {
    ++(answer.error_number == 0 ? world.accepted : world.refused);
  }
}

std::unique_ptr<World> build_world(std::uint64_t seed) {
  auto world = std::make_unique<World>(seed);
  RouteSocket socket;
  add_links(*world, socket);
  set_sysctls(*world);
  add_addresses(*world, socket);
  add_next_hop_objects(*world, socket);
  // What the kernel decides when a route is made depends on the rules of that time.
  const bool rules_first = world->dice.chance(40);
  if (rules_first) add_rules(*world, socket);
  add_routes(*world, socket);
  if (!rules_first) add_rules(*world, socket);
  fail_neighbours(*world, socket);
  return world;
}

std::string world_words() {
  constexpr const char* kCommand =
      "for what in 'link' 'addr' 'nexthop' '-4 rule' '-6 rule' '-4 route show table all' '-6 route show table all' "
      "'-4 neigh' '-6 neigh'; do echo \"# ip $what\"; ip $what; done 2>&1; echo '# sysctl'; "
      "grep -Hv '^0$' /proc/sys/net/ipv4/conf/*/{forwarding,rp_filter,ignore_routes_with_linkdown,src_valid_mark} "
      "/proc/sys/net/ipv4/conf/*/{accept_local,route_localnet} "
      "/proc/sys/net/ipv6/conf/*/{forwarding,ignore_routes_with_linkdown,use_tempaddr} "
      "/proc/sys/net/ipv4/fib_multipath* /proc/sys/net/ipv6/fib_multipath*";
  std::string words;
  FILE* pipe = ::popen(("bash -c '" +
                        [] {
                          std::string escaped;
                          for (const char* at = kCommand; *at != '\0'; ++at) {
                            escaped += *at == '\'' ? std::string("'\\''") : std::string(1, *at);
                          }
                          return escaped;
                        }() +
                        "'")
                           .c_str(),
                       "r");
  std::array<char, 4096> block;
  for (std::size_t got; pipe != nullptr && (got = std::fread(block.data(), 1, block.size(), pipe)) > 0;) {
    words.append(block.data(), got);
  }
  if (pipe != nullptr) ::pclose(pipe);
  return words;
}

}  // namespace vpndoctor::fib_test
