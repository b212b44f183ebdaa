// SPDX-License-Identifier: Apache-2.0
// Which function makes a step; and the steps that need none. See the header.
#include "firewall_step.h"

#include <algorithm>
#include <array>

#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

using Step = FirewallStep (*)(const FirewallStepContext&, const FirewallExpression&);

struct NamedStep {
  std::string_view name;
  Step run;
};

FirewallStep pass(const FirewallStepContext& /*context*/, const FirewallExpression& /*expression*/) { return {}; }

/// nft_reject.c: the verdict is drop, whatever is told to the sender.
FirewallStep reject(const FirewallStepContext& /*context*/, const FirewallExpression& /*expression*/) {
  static const FirewallDecision kDropped{.action = FirewallAction::kDrop};
  return {.passes = Truth::kYes, .doubt = {}, .decisions = {&kDropped}};
}

/// nft_immediate.c.
FirewallStep immediate(const FirewallStepContext& context, const FirewallExpression& expression) {
  if (expression.decision.action != FirewallAction::kNone) {
    return {.passes = Truth::kYes, .doubt = {}, .decisions = {&expression.decision}};
  }
  Bits<64> value;
  const auto bytes = octets_of(expression.data);
  value.set(0, bytes);
  context.registers.write(expression.destination, value.view(0, std::min<std::size_t>(bytes.size(), 64)), {});
  return {};
}

FirewallStep meta(const FirewallStepContext& context, const FirewallExpression& expression) {
  constexpr std::uint32_t kMark = 3;
  if (expression.source == 0) return load_meta(context, expression);
  if (expression.key != kMark) return {};
  const BitsView value = context.registers.read(expression.source, 4);
  context.packet.mark.forget();
  context.packet.mark.set(0, value);
  return {};
}

FirewallStep payload(const FirewallStepContext& context, const FirewallExpression& expression) {
  return expression.source == 0 ? load_payload(context, expression) : store_payload(context, expression);
}

FirewallStep connection(const FirewallStepContext& context, const FirewallExpression& expression) {
  return expression.source == 0 ? load_connection(context, expression) : store_connection(context, expression);
}

FirewallStep extension_header(const FirewallStepContext& context, const FirewallExpression& expression) {
  return expression.destination == 0 ? FirewallStep{} : load_extension_header(context, expression);
}

FirewallStep no_tracking(const FirewallStepContext& context, const FirewallExpression& /*expression*/) {
  // nft_notrack_eval(): a connection that is there already stays.
  if (!context.place.has_connection) context.packet.is_untracked = Truth::kYes;
  return {};
}

/// Changes an address and accepts (nf_nat_core.c nf_nat_setup_info()).
FirewallStep translate(const FirewallStepContext& context, const FirewallExpression& /*expression*/) {
  static const FirewallDecision kAccepted{.action = FirewallAction::kAccept};
  const FirewallHook hook = context.place.hook;
  const bool is_source = hook == FirewallHook::kPostrouting || hook == FirewallHook::kInput;
  const std::size_t length = context.place.family() == Family::kInet ? 4 : 16;
  const std::size_t source_offset = context.place.family() == Family::kInet ? 12 : 8;
  context.packet.network.forget(is_source ? source_offset : source_offset + length, length);
  const std::uint8_t protocol = context.place.flow.ip_protocol;
  if (protocol == kProtocolTcp || protocol == kProtocolUdp) context.packet.transport.forget(0, 4);
  if (!is_source) context.packet.is_redirected = Truth::kYes;
  context.packet.ct_status.forget();
  return {.passes = Truth::kYes, .doubt = {}, .decisions = {&kAccepted}};
}

/// Named objects: a counter or helper always passes, a quota or limit does not.
FirewallStep object(const FirewallStepContext& /*context*/, const FirewallExpression& expression) {
  constexpr std::array<std::uint32_t, 3> kThatDecide = {2, 4, 5};  // NFT_OBJECT_QUOTA, _LIMIT, _CONNLIMIT
  constexpr std::uint32_t kSynProxy = 10;
  const bool decides = expression.key == 0 || expression.key == kSynProxy ||
                       std::ranges::find(kThatDecide, expression.key) != kThatDecide.end();
  return decides ? FirewallStep{.passes = Truth::kMaybe, .doubt = "a named quota or limit", .decisions = {}}
                 : FirewallStep{};
}

/// Loads a value that cannot be known.
template <const char* kDoubt>
FirewallStep load_unknown(const FirewallStepContext& context, const FirewallExpression& expression) {
  if (expression.destination != 0) context.registers.forget(expression.destination, 16, kDoubt);
  return {.passes = expression.destination != 0 ? Truth::kYes : Truth::kMaybe, .doubt = kDoubt, .decisions = {}};
}

template <const char* kDoubt>
FirewallStep maybe(const FirewallStepContext& /*context*/, const FirewallExpression& /*expression*/) {
  return {.passes = Truth::kMaybe, .doubt = kDoubt, .decisions = {}};
}

/// Something else takes the packet over.
template <const char* kDoubt>
FirewallStep taken_over(const FirewallStepContext& /*context*/, const FirewallExpression& /*expression*/) {
  static const FirewallDecision kOther{.action = FirewallAction::kOther};
  return {.passes = Truth::kYes, .doubt = kDoubt, .decisions = {&kOther}};
}

constexpr char kRate[] = "a rate limit";
constexpr char kQuota[] = "a quota";
constexpr char kConnections[] = "the number of connections";
constexpr char kChance[] = "a random number or hash";
constexpr char kSocket[] = "the socket or its cgroup";
constexpr char kSystemGuess[] = "a guess at the sender's operating system";
constexpr char kIpsec[] = "IPsec";
constexpr char kOuter[] = "a tunnel's outer header";
constexpr char kProxy[] = "a transparent proxy";
constexpr char kProgram[] = "a program that decides (queue)";
constexpr char kForwarded[] = "another interface that it is sent out of";

constexpr std::array kSteps = std::to_array<NamedStep>({
    {"among", among_step},
    {"bitwise", bitwise_step},
    {"byteorder", byteorder_step},
    {"cmp", compare_step},
    {"connlimit", maybe<kConnections>},
    {"counter", pass},
    {"ct", connection},
    {"dup", pass},
    {"dynset", pass},
    {"exthdr", extension_header},
    {"fib", load_route},
    {"flow_offload", pass},
    {"fwd", taken_over<kForwarded>},
    {"hash", load_unknown<kChance>},
    {"immediate", immediate},
    {"last", pass},
    {"limit", maybe<kRate>},
    {"log", pass},
    {"lookup", lookup_step},
    {"masq", translate},
    {"meta", meta},
    {"nat", translate},
    {"notrack", no_tracking},
    {"numgen", load_unknown<kChance>},
    {"objref", object},
    {"osf", load_unknown<kSystemGuess>},
    {"payload", payload},
    {"queue", taken_over<kProgram>},
    {"quota", maybe<kQuota>},
    {"range", range_step},
    {"redir", translate},
    {"reject", reject},
    {"socket", load_unknown<kSocket>},
    {"synproxy", taken_over<kProxy>},
    {"tproxy", maybe<kProxy>},
    {"tunnel", load_unknown<kOuter>},
    {"xfrm", load_unknown<kIpsec>},
});
static_assert(std::ranges::is_sorted(kSteps, {}, &NamedStep::name));

/// What this version has no function for: it may match or not, take the packet or not, and write any register.
FirewallStep not_modelled(const FirewallStepContext& context, const FirewallExpression& expression) {
  static const FirewallDecision kOther{.action = FirewallAction::kOther};
  const std::string_view doubt = expression.subject.empty() ? expression.name : expression.subject;
  if (expression.destination != 0) {
    for (auto& each : context.registers.doubts) each = doubt;
    context.registers.bits.forget();
  }
  if (expression.name == "target") {
    context.packet.mark.forget();
    return {.passes = Truth::kMaybe, .doubt = doubt, .decisions = {&kOther}};
  }
  return {.passes = Truth::kMaybe, .doubt = doubt, .decisions = {}};
}

}  // namespace

void FirewallRegisters::write(std::uint32_t word, BitsView value, std::string_view doubt) {
  const std::size_t offset = word * std::size_t{4};
  const std::array<std::uint8_t, 4> padding{};
  const std::size_t filled = (value.value.size() + 3) / 4 * 4;
  bits.set(offset, value);
  bits.set(offset + value.value.size(), std::span(padding).first(filled - value.value.size()));
  for (std::size_t i = word; i < kRegisterWords && i < word + filled / 4; ++i) doubts[i] = doubt;
}

void FirewallRegisters::forget(std::uint32_t word, std::size_t length, std::string_view doubt) {
  bits.forget(word * std::size_t{4}, length);
  for (std::size_t i = word; i < kRegisterWords && i < word + (length + 3) / 4; ++i) doubts[i] = doubt;
}

std::string_view FirewallRegisters::doubt(std::uint32_t word, std::size_t length) const {
  for (std::size_t i = word; i < kRegisterWords && i < word + (length + 3) / 4; ++i) {
    if (!doubts[i].empty()) return doubts[i];
  }
  return "a value that no rule has loaded";
}

FirewallStep run_step(const FirewallStepContext& context, const FirewallExpression& expression) {
  const auto found = std::ranges::lower_bound(kSteps, std::string_view(expression.name), {}, &NamedStep::name);
  const bool is_modelled = found != kSteps.end() && found->name == expression.name;
  return is_modelled ? found->run(context, expression) : not_modelled(context, expression);
}

}  // namespace vpndoctor
