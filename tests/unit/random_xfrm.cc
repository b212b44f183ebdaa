// SPDX-License-Identifier: Apache-2.0
// IPsec policies by chance; see the header.
#include "unit/random_xfrm.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "unit/draw.h"
#include "unit/in_namespace.h"

namespace vpndoctor::testing_support {
namespace {

const char* const kDirections[] = {"in", "out", "fwd"};

IpPrefix random_prefix(Draw& draw, std::mt19937_64& random, Family family, bool may_be_all) {
  const unsigned bits = address_bits(family);
  if (may_be_all && draw.chance(2)) return IpPrefix::everything(family);
  if (draw.chance(4)) return IpPrefix::host(random_peer(random, family));
  return IpPrefix::of(random_peer(random, family), static_cast<unsigned>(bits - draw.below(10)));
}

void draw_upper(Draw& draw, XfrmPolicy& policy) {
  if (draw.chance(2)) return;
  const std::uint8_t protocols[] = {6, 17, 253};
  policy.ip_protocol = protocols[draw.below(3)];
  if (policy.ip_protocol == 253) return;
  const auto port = [&draw] {
    const auto number = static_cast<std::uint32_t>(1000 + draw.below(3));
    return NumberRange{number, number};
  };
  if (draw.chance(3)) policy.source_ports = port();
  if (draw.chance(3)) policy.destination_ports = port();
}

void draw_templates(Draw& draw, XfrmPolicy& policy) {
  if (policy.blocks || draw.chance(3)) return;
  XfrmTemplate wanted;
  wanted.ip_protocol = 50;
  if (draw.chance(3)) {
    wanted.is_optional = draw.chance(2);
  } else {
    wanted.mode = 1;
    const bool is_4 = policy.family == Family::kInet;
    wanted.source = IpAddress::parse(is_4 ? "10.0.0.1" : "fd00::1");
    wanted.destination = IpAddress::parse(is_4 ? "203.0.113.9" : "2001:db8:9::9");
  }
  policy.templates.push_back(wanted);
}

std::string selector_words(const XfrmPolicy& policy) {
  std::string words = fmt::format("src {} dst {}", policy.source, policy.destination);
  if (!policy.interface.empty()) words += " dev " + policy.interface;
  if (policy.ip_protocol != 0) words += fmt::format(" proto {}", policy.ip_protocol);
  if (policy.source_ports) words += fmt::format(" sport {}", policy.source_ports->first);
  if (policy.destination_ports) words += fmt::format(" dport {}", policy.destination_ports->first);
  words += fmt::format(" dir {}", kDirections[static_cast<int>(policy.direction)]);
  if (policy.mark_mask != 0) words += fmt::format(" mark {} mask {}", policy.mark, policy.mark_mask);
  if (policy.interface_id != 0) words += fmt::format(" if_id {}", policy.interface_id);
  return words;
}

std::string other_words(const XfrmPolicy& policy) {
  std::string words = fmt::format(" priority {} action {}", policy.priority, policy.blocks ? "block" : "allow");
  for (const XfrmTemplate& each : policy.templates) {
    words += " tmpl";
    if (each.source) words += fmt::format(" src {} dst {}", *each.source, *each.destination);
    words += fmt::format(" proto esp reqid 1 mode {} level {}", each.mode == 1 ? "tunnel" : "transport",
                         each.is_optional ? "use" : "required");
  }
  return words;
}

XfrmPolicy random_policy(Draw& draw, std::mt19937_64& random) {
  XfrmPolicy policy;
  policy.family = draw.family();
  policy.direction =
      draw.chance(6) ? (draw.chance(2) ? XfrmDirection::kIn : XfrmDirection::kForward) : XfrmDirection::kOut;
  // Not all destinations: packets that the kernel itself sends would be counted with those of the test.
  policy.destination = random_prefix(draw, random, policy.family, false);
  policy.source = draw.chance(3)
                      ? IpPrefix::host(*IpAddress::parse(policy.family == Family::kInet ? "10.0.0.1" : "fd00::1"))
                      : random_prefix(draw, random, policy.family, true);
  draw_upper(draw, policy);
  if (draw.chance(5)) policy.interface = draw.chance(3) ? "d1" : "d0";
  policy.priority = static_cast<std::uint32_t>(draw.below(4));
  policy.blocks = draw.chance(3);
  if (draw.chance(4)) {
    policy.mark_mask = draw.chance(2) ? 1 : 0xff;
    policy.mark = static_cast<std::uint32_t>(draw.below(4)) & policy.mark_mask;
  }
  if (draw.chance(10)) policy.interface_id = 7;
  draw_templates(draw, policy);
  return policy;
}

}  // namespace

IpAddress random_peer(std::mt19937_64& random, Family family) {
  IpAddress address = *IpAddress::parse(family == Family::kInet ? "198.51.100.0" : "2001:db8::");
  address.bytes[family == Family::kInet ? 3 : 15] = static_cast<std::uint8_t>(random() % 6);
  return address;
}

std::vector<DrawnPolicy> random_policies(std::mt19937_64& random, std::size_t most) {
  Draw draw(random);
  std::vector<DrawnPolicy> policies;
  std::set<std::string> selectors;
  for (auto left = 1 + draw.below(most); left > 0; --left) {
    XfrmPolicy policy = random_policy(draw, random);
    const std::string selector = selector_words(policy);
    if (selectors.insert(selector).second) policies.push_back({policy, selector + other_words(policy)});
  }
  return policies;
}

void make_policies(const std::vector<DrawnPolicy>& policies) {
  const std::string path = testing::TempDir() + fmt::format("xfrm-{}", ::getpid());
  std::ofstream batch(path);
  batch << "xfrm policy flush\n";
  for (const DrawnPolicy& each : policies) batch << "xfrm policy add " << each.words << "\n";
  batch.close();
  run("ip -batch " + path);
  ::unlink(path.c_str());
}

}  // namespace vpndoctor::testing_support
