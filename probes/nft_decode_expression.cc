// SPDX-License-Identifier: Apache-2.0
// The steps of rules: which attribute of which expression goes where (net/netfilter/nft_*.c, each *_dump()). See
// nft_decode.h.
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>

#include <algorithm>
#include <array>
#include <utility>

#include "nft_decode.h"

namespace vpndoctor {
namespace {

// linux/netfilter/nf_tables.h, newer than the headers this is built with.
constexpr std::uint16_t kBitwiseSecondSource = 8;  // NFTA_BITWISE_SREG2, Linux 6.13

enum class As : std::uint8_t { kNumber, kByte, kRegister, kData, kVerdict, kText, kDirection, kNested, kNothing };

using NumberField = std::uint32_t FirewallExpression::*;
using TextField = std::string FirewallExpression::*;

struct Field {
  std::string_view expression;
  std::uint16_t attribute;
  As as;
  NumberField number = nullptr;
  TextField text = nullptr;
};

constexpr NumberField kSource = &FirewallExpression::source;
constexpr NumberField kDestination = &FirewallExpression::destination;
constexpr NumberField kKey = &FirewallExpression::key;
constexpr NumberField kOperation = &FirewallExpression::operation;
constexpr NumberField kLength = &FirewallExpression::length;
constexpr NumberField kFlags = &FirewallExpression::flags;
constexpr TextField kData = &FirewallExpression::data;
constexpr TextField kSecondData = &FirewallExpression::second_data;
constexpr TextField kSubject = &FirewallExpression::subject;

constexpr auto kFields = std::to_array<Field>({
    {"bitwise", NFTA_BITWISE_SREG, As::kRegister, kSource},
    {"bitwise", NFTA_BITWISE_DREG, As::kRegister, kDestination},
    {"bitwise", NFTA_BITWISE_LEN, As::kNumber, kLength},
    {"bitwise", NFTA_BITWISE_MASK, As::kData, nullptr, kData},
    {"bitwise", NFTA_BITWISE_XOR, As::kData, nullptr, kSecondData},
    {"bitwise", NFTA_BITWISE_OP, As::kNumber, kOperation},
    {"bitwise", NFTA_BITWISE_DATA, As::kData, nullptr, kData},
    {"bitwise", kBitwiseSecondSource, As::kRegister, &FirewallExpression::second_source},
    {"byteorder", NFTA_BYTEORDER_SREG, As::kRegister, kSource},
    {"byteorder", NFTA_BYTEORDER_DREG, As::kRegister, kDestination},
    {"byteorder", NFTA_BYTEORDER_OP, As::kNumber, kOperation},
    {"byteorder", NFTA_BYTEORDER_LEN, As::kNumber, kLength},
    {"byteorder", NFTA_BYTEORDER_SIZE, As::kNumber, kFlags},
    {"cmp", NFTA_CMP_SREG, As::kRegister, kSource},
    {"cmp", NFTA_CMP_OP, As::kNumber, kOperation},
    {"cmp", NFTA_CMP_DATA, As::kData, nullptr, kData},
    {"ct", NFTA_CT_DREG, As::kRegister, kDestination},
    {"ct", NFTA_CT_KEY, As::kNumber, kKey},
    {"ct", NFTA_CT_DIRECTION, As::kDirection, kFlags},
    {"ct", NFTA_CT_SREG, As::kRegister, kSource},
    {"dynset", NFTA_DYNSET_SET_NAME, As::kText, nullptr, kSubject},
    {"dynset", NFTA_DYNSET_SET_ID, As::kNothing},
    {"dynset", NFTA_DYNSET_OP, As::kNumber, kOperation},
    {"dynset", NFTA_DYNSET_SREG_KEY, As::kRegister, kSource},
    {"dynset", NFTA_DYNSET_SREG_DATA, As::kNothing},
    {"dynset", NFTA_DYNSET_TIMEOUT, As::kNothing},
    {"dynset", NFTA_DYNSET_FLAGS, As::kNumber, kFlags},
    {"dynset", NFTA_DYNSET_EXPR, As::kNothing},
    {"dynset", NFTA_DYNSET_PAD, As::kNothing},
    {"dynset", NFTA_DYNSET_EXPRESSIONS, As::kNothing},
    {"exthdr", NFTA_EXTHDR_DREG, As::kRegister, kDestination},
    {"exthdr", NFTA_EXTHDR_TYPE, As::kByte, kKey},
    {"exthdr", NFTA_EXTHDR_OFFSET, As::kNumber, &FirewallExpression::offset},
    {"exthdr", NFTA_EXTHDR_LEN, As::kNumber, kLength},
    {"exthdr", NFTA_EXTHDR_FLAGS, As::kNumber, kFlags},
    {"exthdr", NFTA_EXTHDR_OP, As::kNumber, kOperation},
    {"exthdr", NFTA_EXTHDR_SREG, As::kRegister, kSource},
    {"fib", NFTA_FIB_DREG, As::kRegister, kDestination},
    {"fib", NFTA_FIB_RESULT, As::kNumber, kKey},
    {"fib", NFTA_FIB_FLAGS, As::kNumber, kFlags},
    {"immediate", NFTA_IMMEDIATE_DREG, As::kRegister, kDestination},
    {"immediate", NFTA_IMMEDIATE_DATA, As::kVerdict, nullptr, kData},
    {"lookup", NFTA_LOOKUP_SET, As::kText, nullptr, kSubject},
    {"lookup", NFTA_LOOKUP_SREG, As::kRegister, kSource},
    {"lookup", NFTA_LOOKUP_DREG, As::kRegister, kDestination},
    {"lookup", NFTA_LOOKUP_SET_ID, As::kNothing},
    {"lookup", NFTA_LOOKUP_FLAGS, As::kNumber, kFlags},
    {"meta", NFTA_META_DREG, As::kRegister, kDestination},
    {"meta", NFTA_META_KEY, As::kNumber, kKey},
    {"meta", NFTA_META_SREG, As::kRegister, kSource},
    {"objref", NFTA_OBJREF_IMM_TYPE, As::kNumber, kKey},
    {"objref", NFTA_OBJREF_IMM_NAME, As::kText, nullptr, kSubject},
    {"objref", NFTA_OBJREF_SET_SREG, As::kRegister, kSource},
    {"objref", NFTA_OBJREF_SET_NAME, As::kText, nullptr, kSubject},
    {"objref", NFTA_OBJREF_SET_ID, As::kNothing},
    {"payload", NFTA_PAYLOAD_DREG, As::kRegister, kDestination},
    {"payload", NFTA_PAYLOAD_BASE, As::kNumber, kKey},
    {"payload", NFTA_PAYLOAD_OFFSET, As::kNumber, &FirewallExpression::offset},
    {"payload", NFTA_PAYLOAD_LEN, As::kNumber, kLength},
    {"payload", NFTA_PAYLOAD_SREG, As::kRegister, kSource},
    {"payload", NFTA_PAYLOAD_CSUM_TYPE, As::kNothing},
    {"payload", NFTA_PAYLOAD_CSUM_OFFSET, As::kNothing},
    {"payload", NFTA_PAYLOAD_CSUM_FLAGS, As::kNothing},
    {"range", NFTA_RANGE_SREG, As::kRegister, kSource},
    {"range", NFTA_RANGE_OP, As::kNumber, kOperation},
    {"range", NFTA_RANGE_FROM_DATA, As::kData, nullptr, kData},
    {"range", NFTA_RANGE_TO_DATA, As::kData, nullptr, kSecondData},
    {"rt", NFTA_RT_DREG, As::kRegister, kDestination},
    {"rt", NFTA_RT_KEY, As::kNumber, kKey},
    {"socket", NFTA_SOCKET_KEY, As::kNumber, kKey},
    {"socket", NFTA_SOCKET_DREG, As::kRegister, kDestination},
    {"socket", NFTA_SOCKET_LEVEL, As::kNothing},
});

/// Where other expressions write to: a register, or none.
constexpr auto kOnlyRegisters = std::to_array<std::pair<std::string_view, std::uint16_t>>({
    {"hash", NFTA_HASH_DREG},
    {"numgen", NFTA_NG_DREG},
    {"osf", NFTA_OSF_DREG},
    {"tunnel", NFTA_TUNNEL_DREG},
    {"xfrm", NFTA_XFRM_DREG},
});

/// NFT_REG_1 to 4 are 16 bytes each, NFT_REG32_00 to 15 four bytes each, over the same memory.
std::optional<std::uint32_t> register_word(std::uint32_t number) {
  if (number <= NFT_REG_4) return number * 4;
  if (number >= NFT_REG32_00 && number <= NFT_REG32_15) return number - NFT_REG32_00 + 4;
  return std::nullopt;
}

bool take_number(const NetlinkAttribute& attribute, const Field& field, FirewallExpression& out) {
  const auto number = nft_number(attribute);
  const auto byte = attribute.as<std::uint8_t>();
  if (field.as == As::kByte || field.as == As::kDirection) {
    if (!byte) return false;
    out.*field.number = *byte + (field.as == As::kDirection ? 1U : 0U);
    return true;
  }
  const auto value = number && field.as == As::kRegister ? register_word(*number) : number;
  if (value) out.*field.number = *value;
  return value.has_value();
}

bool take_field(const NetlinkAttribute& attribute, const Field& field, FirewallExpression& out) {
  switch (field.as) {
    case As::kNothing:
    case As::kNested:
      return true;
    case As::kText:
      out.*field.text = attribute.text();
      return true;
    case As::kData: {
      FirewallDecision none;
      return decode_nft_data(attribute.payload, out.*field.text, none);
    }
    case As::kVerdict:
      return decode_nft_data(attribute.payload, out.*field.text, out.decision);
    default:
      return take_number(attribute, field, out);
  }
}

/// An attribute that is not known makes the expression one that is not modelled: its name is not the known one then.
bool take_attribute(const NetlinkAttribute& attribute, std::string_view name, FirewallExpression& out) {
  const auto found = std::ranges::find_if(
      kFields, [&](const Field& each) { return each.expression == name && each.attribute == attribute.type; });
  if (found != kFields.end()) return take_field(attribute, *found, out);
  const bool has_fields = std::ranges::find(kFields, name, &Field::expression) != kFields.end();
  if (has_fields && out.name == name) out.name += " of a newer kernel";
  return true;
}

bool take_only_register(Bytes data, FirewallExpression& out) {
  const auto found =
      std::ranges::find(kOnlyRegisters, std::string_view(out.name), &std::pair<std::string_view, std::uint16_t>::first);
  if (found == kOnlyRegisters.end()) return true;
  const auto attribute = find_attribute(data, found->second);
  const auto number = attribute ? nft_number(*attribute) : std::nullopt;
  if (number) out.destination = register_word(*number).value_or(0);
  return true;
}

/// NFTA_MATCH_* and NFTA_TARGET_*, which have the same numbers.
bool take_extension(Bytes data, std::string_view kind, std::string_view family, std::vector<FirewallExpression>& steps,
                    std::string& comment) {
  const auto name = find_attribute(data, NFTA_MATCH_NAME);
  const auto revision = find_attribute(data, NFTA_MATCH_REV);
  const auto info = find_attribute(data, NFTA_MATCH_INFO);
  if (!name || !revision || !info) return false;
  const std::string text = name->text();
  const XtExtension extension{text, nft_number(*revision).value_or(0), info->payload, family};
  if (kind == "match" && text == "comment") {
    comment = NetlinkAttribute{0, info->payload}.text();
    return true;
  }
  auto known = kind == "match" ? decode_xt_match(extension) : decode_xt_target(extension);
  if (!known) known = std::vector<FirewallExpression>{{.name = std::string(kind), .subject = text}};
  for (FirewallExpression& each : *known) steps.push_back(std::move(each));
  return true;
}

/// What is kept in a set's element may decide as well: `add @s { ip saddr limit rate 1/second }`.
bool take_nested(Bytes data, std::string_view family, std::vector<FirewallExpression>& steps, std::string& comment) {
  return for_each_attribute(data, [&](const NetlinkAttribute& attribute) {
    if (attribute.type == NFTA_DYNSET_EXPR) return decode_nft_expression(attribute.payload, family, steps, comment);
    if (attribute.type != NFTA_DYNSET_EXPRESSIONS) return true;
    return for_each_attribute(attribute.payload, [&](const NetlinkAttribute& each) {
      return decode_nft_expression(each.payload, family, steps, comment);
    });
  });
}

FirewallAction action_of(std::uint32_t code) {
  constexpr std::uint32_t kVerdictMask = 0xff;  // NF_VERDICT_MASK: a queue's number is above
  switch (static_cast<std::int32_t>(code)) {
    case NFT_CONTINUE:
      return FirewallAction::kContinue;
    case NFT_BREAK:
      return FirewallAction::kBreak;
    case NFT_JUMP:
      return FirewallAction::kJump;
    case NFT_GOTO:
      return FirewallAction::kGoto;
    case NFT_RETURN:
      return FirewallAction::kReturn;
    default:
      break;
  }
  if (code == NF_ACCEPT) return FirewallAction::kAccept;
  if ((code & kVerdictMask) == NF_DROP) return FirewallAction::kDrop;
  return (code & kVerdictMask) == NF_QUEUE ? FirewallAction::kQueue : FirewallAction::kOther;
}

}  // namespace

bool decode_nft_data(Bytes attributes, std::string& value, FirewallDecision& decision) {
  return for_each_attribute(attributes, [&](const NetlinkAttribute& attribute) {
    if (attribute.type == NFTA_DATA_VALUE) {
      constexpr std::size_t kLargest = 64;
      value.assign(reinterpret_cast<const char*>(attribute.payload.data()), attribute.payload.size());
      return value.size() <= kLargest;
    }
    if (attribute.type != NFTA_DATA_VERDICT) return true;
    const auto code = find_attribute(attribute.payload, NFTA_VERDICT_CODE);
    const auto number = code ? nft_number(*code) : std::nullopt;
    if (!number) return false;
    decision.action = action_of(*number);
    if (const auto chain = find_attribute(attribute.payload, NFTA_VERDICT_CHAIN)) decision.chain = chain->text();
    return true;
  });
}

bool decode_nft_expression(Bytes attributes, std::string_view family, std::vector<FirewallExpression>& steps,
                           std::string& comment) {
  const auto name = find_attribute(attributes, NFTA_EXPR_NAME);
  if (!name) return false;
  const std::string text = name->text();
  const auto data = find_attribute(attributes, NFTA_EXPR_DATA);
  const Bytes content = data ? data->payload : Bytes();
  if (text == "counter" || text == "last") return true;
  if (text == "match" || text == "target") return take_extension(content, text, family, steps, comment);
  FirewallExpression step{.name = text};
  const bool is_whole = for_each_attribute(
      content, [&](const NetlinkAttribute& attribute) { return take_attribute(attribute, text, step); });
  take_only_register(content, step);
  steps.push_back(std::move(step));
  return is_whole && (text != "dynset" || take_nested(content, family, steps, comment));
}

}  // namespace vpndoctor
