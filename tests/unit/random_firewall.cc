// SPDX-License-Identifier: Apache-2.0
// Draws packet filters; see the header.
#include "unit/random_firewall.h"

namespace vpndoctor::testing_support {
namespace {

FirewallDecision random_decision(Draw& draw) {
  return {static_cast<FirewallAction>(draw.below(10)), draw.chance(2) ? std::string() : draw.text()};
}

FirewallExpression random_step(Draw& draw) {
  FirewallExpression step{.name = draw.text(), .subject = draw.text()};
  for (std::uint32_t FirewallExpression::* each :
       {&FirewallExpression::source, &FirewallExpression::second_source, &FirewallExpression::destination,
        &FirewallExpression::key, &FirewallExpression::operation, &FirewallExpression::offset,
        &FirewallExpression::length, &FirewallExpression::flags}) {
    step.*each = draw.number<std::uint32_t>();
  }
  step.data = draw.bytes();
  step.second_data = draw.bytes();
  step.decision = random_decision(draw);
  return step;
}

FirewallChain random_chain(Draw& draw) {
  FirewallChain chain{.name = draw.text(), .type = draw.text()};
  chain.hook = static_cast<FirewallHook>(draw.below(8));
  chain.priority = static_cast<std::int32_t>(draw.number<std::uint32_t>());
  chain.drops_by_default = draw.chance(2);
  chain.devices = draw.list(2, [&] { return draw.text(); });
  chain.rules = draw.list(2, [&] {
    return FirewallRule{draw.number<std::uint64_t>(), draw.text(), draw.list(3, [&] { return random_step(draw); })};
  });
  return chain;
}

FirewallElement random_element(Draw& draw) {
  return {.key = draw.bytes(),
          .key_end = draw.bytes(),
          .data = draw.bytes(),
          .decision = random_decision(draw),
          .is_interval_end = draw.chance(2),
          .is_catch_all = draw.chance(2)};
}

FirewallSet random_set(Draw& draw) {
  FirewallSet set{.name = draw.text(), .flags = draw.number<std::uint32_t>()};
  set.key_bytes = draw.number<std::uint32_t>();
  set.field_bytes = draw.list(2, [&] { return draw.number<std::uint32_t>(); });
  // Some are more than one record holds.
  set.elements = draw.list(draw.chance(20) ? 1200 : 3, [&] { return random_element(draw); });
  set.is_cut = draw.chance(2);
  return set;
}

FirewallTable random_table(Draw& draw) {
  return {.family = draw.text(),
          .name = draw.text(),
          .is_dormant = draw.chance(2),
          .chains = draw.list(2, [&] { return random_chain(draw); }),
          .sets = draw.list(2, [&] { return random_set(draw); })};
}

}  // namespace

Firewall random_firewall(Draw& draw) {
  Firewall firewall;
  firewall.tables = draw.list(2, [&] { return random_table(draw); });
  firewall.others = draw.list(2, [&] { return draw.text(); });
  firewall.device_filters = draw.list(2, [&] { return FirewallDeviceFilter{draw.interface(), draw.text()}; });
  firewall.others_may_mark = draw.chance(2);
  firewall.is_big_endian = draw.chance(2);
  return firewall;
}

}  // namespace vpndoctor::testing_support
