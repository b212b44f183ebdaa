// SPDX-License-Identifier: Apache-2.0
// Random flows through a random machine: destinations near the edges of prefixes, the rest from what rules test.
#include <algorithm>

#include "world.h"

namespace vpndoctor::fib_test {
namespace {

/// The address behind the last or before the first of a prefix.
IpAddress neighbour_of(const IpPrefix& prefix, bool behind) {
  IpAddress address = behind ? prefix.last_address() : prefix.address;
  for (std::size_t at = address.octets().size(); at-- > 0;) {
    std::uint8_t& byte = address.bytes[at];
    byte = static_cast<std::uint8_t>(behind ? byte + 1 : byte - 1);
    if (byte != (behind ? 0x00 : 0xff)) break;
  }
  return address;
}

IpAddress special_address(Dice& dice, Family family) {
  const char* text = family == Family::kInet
                         ? dice.one_of<const char*>({"0.0.0.0", "255.255.255.255", "127.0.0.1", "127.1.2.3",
                                                     "224.0.0.1", "239.1.2.3", "169.254.1.1", "8.8.8.8", "0.0.0.9"})
                         : dice.one_of<const char*>({"::", "::1", "ff02::1", "ff0e::1", "fe80::1", "fe80::abcd",
                                                     "2606:4700::1111", "::ffff:10.0.0.1", "fec0::1", "ff01::1"});
  return *IpAddress::parse(text);
}

IpAddress random_destination(World& world, Pool& pool) {
  Dice& dice = world.dice;
  if (dice.chance(6)) return special_address(dice, pool.family);
  if (dice.chance(8)) return dice.pick(pool.own);
  if (dice.chance(6)) return dice.pick(pool.gateways);
  const IpPrefix& prefix = dice.pick(pool.prefixes);
  if (dice.chance(10)) return neighbour_of(prefix, dice.chance(50));
  return random_address(dice, prefix);
}

void choose_source(World& world, Pool& pool, Flow& flow) {
  Dice& dice = world.dice;
  const bool arriving = !flow.input_interface.empty();
  if (!dice.chance(arriving ? 85 : 35)) return;
  flow.source = dice.chance(arriving ? 15 : 80) ? dice.pick(pool.own) : random_address(dice, dice.pick(pool.prefixes));
  if (dice.chance(4)) flow.source = special_address(dice, pool.family);
}

void choose_ports(World& world, Flow& flow) {
  Dice& dice = world.dice;
  const std::uint8_t icmp = flow.destination.family == Family::kInet ? 1 : 58;
  flow.ip_protocol = dice.one_of<std::uint8_t>({6, 17, icmp});
  if (flow.ip_protocol == icmp) return;
  // The kernel writes ports that were not given as 0 into the packet that it makes up, and so does a flow.
  if (dice.chance(70)) flow.source_port = dice.pick(world.ports);
  if (dice.chance(70)) flow.destination_port = static_cast<std::uint16_t>(dice.pick(world.ports) + dice.below(3));
}

}  // namespace

Flow random_flow(World& world, Family family) {
  Dice& dice = world.dice;
  Pool& pool = world.pool(family);
  Flow flow;
  flow.destination = random_destination(world, pool);
  if (dice.chance(20)) {
    flow.input_interface = dice.pick(world.links).name;
  } else {
    if (dice.chance(20)) flow.output_interface = dice.chance(5) ? "lo" : dice.pick(world.links).name;
    flow.uid = dice.pick(world.uids);
  }
  choose_source(world, pool, flow);
  flow.mark = dice.pick(world.marks);
  if (dice.chance(40)) flow.tos = static_cast<std::uint8_t>(dice.pick(world.tos) | (dice.chance(10) ? 1U : 0U));
  choose_ports(world, flow);
  return flow;
}

}  // namespace vpndoctor::fib_test
