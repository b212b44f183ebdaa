// SPDX-License-Identifier: Apache-2.0
// What drawn machines have in common that a lookup is tried on: two cards, two tunnels, rules over two tables. Their
// addresses and routes are each test's own.
#pragma once

#include <array>
#include <string>

#include "draw.h"
#include "machine.h"

namespace vpndoctor::testing_support {

inline constexpr std::array kFourLinks = {"eth0", "eth1", "tun0", "tun1"};

inline Machine four_links() {
  Machine machine;
  machine.link("eth0").link("eth1").tun("tun0").tun("tun1");
  return machine;
}

inline std::string any_interface(Draw& draw) { return kFourLinks[draw.below(kFourLinks.size())]; }

/// Of all addresses, to the main table or to 77, now and then by the mark 5 or with short routes suppressed.
inline Rule drawn_rule(Draw& draw, Family family) {
  Rule rule;
  rule.family = family;
  rule.priority = static_cast<std::uint32_t>(draw.below(1000));
  rule.table = draw.chance(2) ? 77 : static_cast<std::uint32_t>(kTableMain);
  if (draw.chance(4)) {
    rule.mark = 5;
    rule.mark_mask = UINT32_MAX;
    rule.inverted = draw.chance(2);
  }
  if (draw.chance(4)) rule.suppress_prefix_length = static_cast<std::uint32_t>(draw.below(20));
  return rule;
}

}  // namespace vpndoctor::testing_support
