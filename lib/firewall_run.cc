// SPDX-License-Identifier: Apache-2.0
// Walks the rules of a chain and of those it jumps to (nf_tables_core.c nft_do_chain()); see the header.
#include "firewall_run.h"

#include <fmt/format.h>

#include <map>
#include <utility>
#include <vector>

#include "firewall_step.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr unsigned kDeepestJump = 16;  // NFT_JUMP_STACK_SIZE
constexpr std::size_t kMostSteps = 4'000'000;

/// The packets that are at one place of the ruleset.
struct Flowing {
  bool is_any = false;
  FirewallPacket packet;
  std::string_view doubt;  ///< what it depends on that any are here

  void join(const Flowing& other) {
    if (!other.is_any) return;
    if (!is_any) {
      *this = other;
      return;
    }
    packet.join(other.packet);
    if (doubt.empty()) doubt = other.doubt;
  }
};

/// Where the packets of a rule go on.
struct RuleWays {
  Flowing next;      ///< with the next rule
  Flowing returned;  ///< with the end of the chain
  bool has_verdict = false;
};

/// A rule, and how many jumps lead to it.
struct RulePlace {
  const FirewallChain& chain;
  const FirewallRule& rule;
  unsigned depth;
};

class ChainRun {
 public:
  ChainRun(const FirewallPlace& place, const FirewallTable& table) : place_(place), table_(table) {
    for (const FirewallChain& chain : table.chains) chains_.emplace(chain.name, &chain);
  }

  FirewallOutcome run(const FirewallChain& chain, const FirewallPacket& packet) {
    const Flowing end = walk(chain, {true, packet, {}}, 0);
    const std::string policy =
        fmt::format("the policy of {} is {}", chain_phrase(table_, chain), chain.drops_by_default ? "drop" : "accept");
    if (end.is_any) finish(chain.drops_by_default ? outcome_.drop : outcome_.accept, end, policy, false);
    if (steps_ > kMostSteps) give_up(chain, packet);
    return std::move(outcome_);
  }

 private:
  Flowing walk(const FirewallChain& chain, Flowing here, unsigned depth);
  RuleWays run_rule(const RulePlace& at, Flowing here);
  void decide(const RulePlace& at, const FirewallDecision& decision, const Flowing& here, RuleWays& ways);
  void jump(const FirewallDecision& decision, const Flowing& here, RuleWays& ways, unsigned depth);
  static void finish(FirewallEnding& ending, const Flowing& here, const std::string& why, bool is_by_rule);
  void give_up(const FirewallChain& chain, const FirewallPacket& packet);
  std::string rule_phrase(const RulePlace& at, const char* verb) const;

  const FirewallPlace& place_;
  const FirewallTable& table_;
  std::map<std::string_view, const FirewallChain*> chains_;
  FirewallOutcome outcome_;
  std::size_t steps_ = 0;
};

std::string ChainRun::rule_phrase(const RulePlace& at, const char* verb) const {
  const std::string comment = at.rule.comment.empty() ? "" : fmt::format(" ({})", in_quotes(at.rule.comment));
  return fmt::format("rule {}{} of {} {} it", at.rule.handle, comment, chain_phrase(table_, at.chain), verb);
}

void ChainRun::finish(FirewallEnding& ending, const Flowing& here, const std::string& why, bool is_by_rule) {
  if (ending.is_possible) {
    ending.packet.join(here.packet);
  } else {
    ending.packet = here.packet;
  }
  ending.is_possible = true;
  ending.why = why;
  ending.is_by_rule = is_by_rule;
  if (ending.doubt.empty()) ending.doubt = here.doubt;
}

/// So large a ruleset is not decided at all.
void ChainRun::give_up(const FirewallChain& chain, const FirewallPacket& packet) {
  const Flowing here{true, packet, "more rules than are followed"};
  const std::string why = fmt::format("{} may do so", chain_phrase(table_, chain));
  finish(outcome_.accept, here, why, true);
  finish(outcome_.drop, here, why, true);
  for (FirewallEnding* ending : {&outcome_.accept, &outcome_.drop}) {
    ending->packet.mark.forget();
    ending->packet.ct_mark.forget();
    ending->packet.network.forget();
    ending->packet.transport.forget();
  }
}

Flowing ChainRun::walk(const FirewallChain& chain, Flowing here, unsigned depth) {
  Flowing returned;
  for (const FirewallRule& rule : chain.rules) {
    if (!here.is_any || steps_ > kMostSteps) break;
    const std::string_view doubt = here.doubt;
    RuleWays ways = run_rule({chain, rule, depth}, std::move(here));
    here = std::move(ways.next);
    // Both ways of a condition without a verdict lead on: nothing depends on it.
    if (!ways.has_verdict) here.doubt = doubt;
    returned.join(ways.returned);
  }
  here.join(returned);
  return here;
}

RuleWays ChainRun::run_rule(const RulePlace& at, Flowing here) {
  RuleWays ways;
  FirewallRegisters registers;
  const FirewallStepContext context{place_, table_, here.packet, registers};
  for (const FirewallExpression& expression : at.rule.expressions) {
    ++steps_;
    const Flowing before = here;
    const FirewallStep step = run_step(context, expression);
    if (step.passes != Truth::kYes) {
      Flowing missed = before;
      if (step.passes == Truth::kMaybe && !step.doubt.empty()) missed.doubt = step.doubt;
      ways.next.join(missed);
    }
    if (step.passes == Truth::kNo) return ways;
    const bool is_doubtful = step.passes == Truth::kMaybe || step.decisions.size() > 1;
    if (is_doubtful && !step.doubt.empty()) here.doubt = step.doubt;
    if (step.decisions.empty()) continue;
    const bool goes_on = step.decisions.size() == 1 && step.decisions[0]->action == FirewallAction::kContinue;
    if (goes_on) continue;
    ways.has_verdict = true;
    if (!step.doubt.empty() && step.decisions[0]->action == FirewallAction::kOther) here.doubt = step.doubt;
    for (const FirewallDecision* decision : step.decisions) decide(at, *decision, here, ways);
    return ways;
  }
  ways.next.join(here);
  return ways;
}

void ChainRun::decide(const RulePlace& at, const FirewallDecision& decision, const Flowing& here, RuleWays& ways) {
  Flowing taken = here;
  switch (decision.action) {
    case FirewallAction::kAccept:
      return finish(outcome_.accept, here, rule_phrase(at, "accepts"), true);
    case FirewallAction::kDrop:
      return finish(outcome_.drop, here, rule_phrase(at, "drops"), true);
    case FirewallAction::kReturn:
      return ways.returned.join(here);
    case FirewallAction::kJump:
    case FirewallAction::kGoto:
      return jump(decision, here, ways, at.depth);
    case FirewallAction::kNone:
    case FirewallAction::kContinue:
    case FirewallAction::kBreak:
      return ways.next.join(here);
    default:
      if (taken.doubt.empty()) taken.doubt = "a program that decides (queue)";
      finish(outcome_.accept, taken, rule_phrase(at, "may accept"), true);
      finish(outcome_.drop, taken, rule_phrase(at, "may drop"), true);
      // An xtables target that is not modelled may also let the next rule decide.
      ways.next.join(taken);
  }
}

void ChainRun::jump(const FirewallDecision& decision, const Flowing& here, RuleWays& ways, unsigned depth) {
  const auto found = chains_.find(decision.chain);
  if (found == chains_.end() || depth >= kDeepestJump) {
    Flowing lost = here;
    lost.doubt = "a chain that is not there";
    finish(outcome_.accept, lost, "a jump leads nowhere", true);
    finish(outcome_.drop, lost, "a jump leads nowhere", true);
    return;
  }
  const Flowing back = walk(*found->second, here, depth + 1);
  (decision.action == FirewallAction::kJump ? ways.next : ways.returned).join(back);
}

}  // namespace

std::string chain_phrase(const FirewallTable& table, const FirewallChain& chain) {
  return fmt::format("chain {} of table {} {}", escape_controls(chain.name), table.family, escape_controls(table.name));
}

FirewallOutcome run_chain(const FirewallPlace& place, const FirewallTable& table, const FirewallChain& chain,
                          const FirewallPacket& packet) {
  return ChainRun(place, table).run(chain, packet);
}

}  // namespace vpndoctor
