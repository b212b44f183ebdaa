// SPDX-License-Identifier: Apache-2.0
// A random machine's policy routing rules, with every selector and action that the kernel knows.
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include <algorithm>

#include "world.h"

namespace vpndoctor::fib_test {
namespace {

// Newer than the headers of Debian 12.
constexpr int kFraDscp = 25;
constexpr int kFraSourcePortMask = 28;
constexpr int kFraDestinationPortMask = 29;
constexpr int kFraDscpMask = 30;

constexpr int kCreate = NLM_F_CREATE | NLM_F_ACK;

fib_rule_port_range random_ports(World& world) {
  const std::uint16_t first = world.dice.pick(world.ports);
  const auto last = static_cast<std::uint16_t>(world.dice.chance(50) ? first : first + world.dice.below(400));
  return {first, last};
}

void put_ports(World& world, NetlinkBatch& batch) {
  Dice& dice = world.dice;
  if (dice.chance(15)) batch.number(FRA_IP_PROTO, dice.one_of<std::uint8_t>({6, 17, 1, 58}));
  for (const bool source : {true, false}) {
    if (!dice.chance(10)) continue;
    const bool masked = dice.chance(20);
    fib_rule_port_range range = random_ports(world);
    if (masked) range.end = range.start;
    batch.number(source ? FRA_SPORT_RANGE : FRA_DPORT_RANGE, range);
    if (masked) batch.number(source ? kFraSourcePortMask : kFraDestinationPortMask, std::uint16_t{0xfffc});
  }
}

void put_dscp(World& world, NetlinkBatch& batch) {
  if (!world.dice.chance(12)) return;
  batch.number(kFraDscp, static_cast<std::uint8_t>(world.dice.pick(world.tos) >> 2U));
  if (world.dice.chance(30)) batch.number(kFraDscpMask, world.dice.one_of<std::uint8_t>({0x38, 0x3f}));
}

void put_selectors(World& world, NetlinkBatch& batch) {
  Dice& dice = world.dice;
  if (dice.chance(30)) {
    batch.number(FRA_FWMARK, dice.pick(world.marks));
    if (dice.chance(50)) batch.number(FRA_FWMASK, dice.one_of<std::uint32_t>({0xff, 0xffff, 0xff00, 1}));
  }
  if (dice.chance(15)) {
    const std::uint32_t first = dice.pick(world.uids);
    batch.number(FRA_UID_RANGE, fib_rule_uid_range{first, first + dice.below(3)});
  }
  if (dice.chance(10)) batch.text(FRA_IIFNAME, dice.chance(30) ? "lo" : dice.pick(world.links).name);
  if (dice.chance(10)) batch.text(FRA_OIFNAME, dice.chance(10) ? "gone0" : dice.pick(world.links).name);
  if (dice.chance(2)) batch.number(FRA_TUN_ID, std::uint64_t{0x0100000000000000});
  put_ports(world, batch);
  put_dscp(world, batch);
}

void put_action(World& world, NetlinkBatch& batch, const fib_rule_hdr& header, std::uint32_t jump) {
  Dice& dice = world.dice;
  if (header.action == FR_ACT_GOTO) batch.number(FRA_GOTO, jump);
  if (header.action != FR_ACT_TO_TBL) return;
  batch.number(FRA_TABLE, dice.pick(world.tables));
  if (dice.chance(20)) batch.number(FRA_SUPPRESS_PREFIXLEN, dice.one_of<std::uint32_t>({0, 0, 8, 24, 32, 64}));
  if (dice.chance(15)) batch.number(FRA_SUPPRESS_IFGROUP, dice.one_of<std::uint32_t>({0, 1, 57841}));
}

void add_rule(World& world, NetlinkBatch& batch, Pool& pool, const std::vector<std::uint32_t>& priorities,
              std::size_t at) {
  Dice& dice = world.dice;
  fib_rule_hdr header{};
  header.family = static_cast<std::uint8_t>(address_family(pool.family));
  header.action = dice.chance(72) ? std::uint8_t{FR_ACT_TO_TBL}
                                  : dice.one_of<std::uint8_t>({FR_ACT_GOTO, FR_ACT_GOTO, FR_ACT_NOP, FR_ACT_BLACKHOLE,
                                                               FR_ACT_UNREACHABLE, FR_ACT_PROHIBIT});
  if (dice.chance(20)) header.flags |= FIB_RULE_INVERT;
  if (dice.chance(12)) header.tos = dice.pick(world.tos);
  const bool from = dice.chance(30);
  const bool to = dice.chance(30);
  const IpPrefix source = dice.chance(60) ? IpPrefix::host(dice.pick(pool.own)) : random_prefix(world, pool);
  const IpPrefix destination = random_prefix(world, pool);
  header.src_len = from ? source.length : std::uint8_t{0};
  header.dst_len = to ? destination.length : std::uint8_t{0};
  batch.begin(RTM_NEWRULE, kCreate, header);
  batch.number(FRA_PRIORITY, priorities[at]);
  if (header.src_len > 0) batch.address(FRA_SRC, source.address);
  if (header.dst_len > 0) batch.address(FRA_DST, destination.address);
  put_selectors(world, batch);
  put_action(world, batch, header, priorities[std::min(priorities.size() - 1, at + 1 + dice.below(4))]);
}

/// Takes one of the kernel's own rules away.
void delete_rule(NetlinkBatch& batch, Pool& pool, std::uint32_t priority, std::uint32_t table) {
  fib_rule_hdr header{};
  header.family = static_cast<std::uint8_t>(address_family(pool.family));
  header.action = FR_ACT_TO_TBL;
  batch.begin(RTM_DELRULE, NLM_F_ACK, header);
  batch.number(FRA_PRIORITY, priority);
  batch.number(FRA_TABLE, table);
}

void add_own_rules(World& world, NetlinkBatch& batch, Pool& pool) {
  Dice& dice = world.dice;
  if (dice.chance(12)) delete_rule(batch, pool, 32766, 254);
  if (!dice.chance(15)) return;
  fib_rule_hdr header{};
  header.family = static_cast<std::uint8_t>(address_family(pool.family));
  header.action = FR_ACT_TO_TBL;
  batch.begin(RTM_NEWRULE, kCreate, header);
  batch.number(FRA_PRIORITY, dice.one_of<std::uint32_t>({50, 40000}));
  batch.number(FRA_TABLE, std::uint32_t{255});
  delete_rule(batch, pool, 0, 255);
}

}  // namespace

void add_rules(World& world, RouteSocket& socket) {
  for (Pool* pool : {&world.inet, &world.inet6}) {
    if (world.dice.chance(15)) continue;  // as a machine without a VPN: no rules beyond the kernel's
    std::vector<std::uint32_t> priorities;
    for (unsigned i = 1 + world.dice.below(12); i > 0; --i) priorities.push_back(1 + world.dice.below(33000));
    if (priorities.size() > 3) priorities[1] = priorities[2];
    std::sort(priorities.begin(), priorities.end());
    NetlinkBatch batch;
    for (std::size_t i = 0; i < priorities.size(); ++i) add_rule(world, batch, *pool, priorities, i);
    add_own_rules(world, batch, *pool);
    install(world, socket, batch);
  }
}

}  // namespace vpndoctor::fib_test
