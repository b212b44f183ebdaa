// SPDX-License-Identifier: Apache-2.0
// One step of a rule: what a register gets, or whether the rule goes on. Three-valued: what cannot be known makes the
// answer "maybe", with a noun that says what it depends on. Knows no chains.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "firewall_packet.h"

namespace vpndoctor {

inline constexpr std::size_t kRegisterWords = 20;  ///< of four bytes; the first four are the verdict's

/// The registers of a rule, and what their unknown bits depend on.
struct FirewallRegisters {
  Bits<kRegisterWords * 4> bits;
  std::array<std::string_view, kRegisterWords> doubts{};

  BitsView read(std::uint32_t word, std::size_t length) const { return bits.view(word * std::size_t{4}, length); }
  /// Writes bytes, padded with zeros to a whole word.
  void write(std::uint32_t word, BitsView value, std::string_view doubt);
  void forget(std::uint32_t word, std::size_t length, std::string_view doubt);
  /// What these registers depend on; empty: nothing.
  std::string_view doubt(std::uint32_t word, std::size_t length) const;
};

/// What a step came to.
struct FirewallStep {
  Truth passes = Truth::kYes;
  std::string_view doubt;                          ///< a noun: what a "maybe" depends on
  std::vector<const FirewallDecision*> decisions;  ///< of a verdict or a verdict map; several: one of them
};

/// The rule does not go on.
inline FirewallStep no_match() { return {.passes = Truth::kNo, .doubt = {}, .decisions = {}}; }

/// Everything that a step may look at and change.
struct FirewallStepContext {
  const FirewallPlace& place;
  const FirewallTable& table;
  FirewallPacket& packet;
  FirewallRegisters& registers;
};

FirewallStep run_step(const FirewallStepContext& context, const FirewallExpression& expression);

/// Loads: meta, payload, ct, fib, rt, socket, exthdr.
FirewallStep load_meta(const FirewallStepContext& context, const FirewallExpression& expression);
FirewallStep load_payload(const FirewallStepContext& context, const FirewallExpression& expression);
FirewallStep store_payload(const FirewallStepContext& context, const FirewallExpression& expression);
FirewallStep load_connection(const FirewallStepContext& context, const FirewallExpression& expression);
FirewallStep store_connection(const FirewallStepContext& context, const FirewallExpression& expression);
FirewallStep load_route(const FirewallStepContext& context, const FirewallExpression& expression);
FirewallStep load_extension_header(const FirewallStepContext& context, const FirewallExpression& expression);

/// Comparisons and arithmetic: cmp, range, among, bitwise, byteorder, lookup.
FirewallStep compare_step(const FirewallStepContext& context, const FirewallExpression& expression);
FirewallStep range_step(const FirewallStepContext& context, const FirewallExpression& expression);
FirewallStep among_step(const FirewallStepContext& context, const FirewallExpression& expression);
FirewallStep bitwise_step(const FirewallStepContext& context, const FirewallExpression& expression);
FirewallStep byteorder_step(const FirewallStepContext& context, const FirewallExpression& expression);
FirewallStep lookup_step(const FirewallStepContext& context, const FirewallExpression& expression);

/// Bytes of a text as numbers.
inline std::span<const std::uint8_t> octets_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace vpndoctor
