// SPDX-License-Identifier: Apache-2.0
// The decoders of nf_tables on recorded messages, cut at every length; and what an extension of xtables becomes.
#include "nft_decode.h"

#include <gtest/gtest.h>
#include <linux/netlink.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "golden.h"

namespace vpndoctor {
namespace {

using Message = std::vector<std::byte>;

/// A recorded payload; the corpus has the kind of the message before it.
Message recorded(const std::string& name) {
  std::ifstream file(testing_support::source_file("tests/fuzz/corpus/nft_message/" + name), std::ios::binary);
  Message message;
  for (std::istreambuf_iterator<char> at(file), end; at != end; ++at) message.push_back(static_cast<std::byte>(*at));
  if (!message.empty()) message.erase(message.begin());
  return message;
}

std::vector<std::string> recorded_names(const std::string& kind) {
  std::vector<std::string> names;
  for (int i = 1; i <= 20; ++i) {
    const std::string name = kind + "_" + std::to_string(i);
    if (std::filesystem::exists(testing_support::source_file("tests/fuzz/corpus/nft_message/" + name)))
      names.push_back(name);
  }
  return names;
}

/// The lengths at which a cut leaves only whole attributes.
std::set<std::size_t> whole_lengths(const Message& message) {
  constexpr std::size_t kHeader = 4;
  std::set<std::size_t> lengths{kHeader};
  std::size_t at = kHeader;
  while (const auto attribute = read_at<nlattr>(message, at)) {
    for (std::size_t length = at + attribute->nla_len; length <= NLA_ALIGN(at + attribute->nla_len); ++length) {
      lengths.insert(length);
    }
    at += NLA_ALIGN(attribute->nla_len);
  }
  return lengths;
}

template <class Decode>
void expect_cuts_are_refused(const std::string& kind, const Decode& decode) {
  const auto names = recorded_names(kind);
  EXPECT_FALSE(names.empty()) << kind;
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const Message message = recorded(name);
    const auto whole = whole_lengths(message);
    EXPECT_TRUE(decode(message).has_value());
    for (std::size_t length = 0; length < message.size(); ++length) {
      const bool decoded = decode(Bytes(message).first(length)).has_value();
      EXPECT_FALSE(decoded && !whole.contains(length)) << "cut at " << length;
    }
  }
}

TEST(NftDecode, RefusesMessagesThatAreCut) {
  expect_cuts_are_refused("table", decode_nft_table);
  expect_cuts_are_refused("chain", decode_nft_chain);
  expect_cuts_are_refused("rule", decode_nft_rule);
  expect_cuts_are_refused("set", decode_nft_set);
  expect_cuts_are_refused("elements", decode_nft_elements);
}

std::vector<std::string> step_names(const std::string& name) {
  std::vector<std::string> names;
  const auto rule = decode_nft_rule(recorded(name));
  for (const FirewallExpression& each : rule->rule.expressions) names.push_back(each.name);
  return names;
}

/// Looks for the recorded rule with these steps.
bool is_recorded(const std::vector<std::string>& steps) {
  return std::ranges::any_of(recorded_names("rule"),
                             [&](const std::string& name) { return step_names(name) == steps; });
}

TEST(NftDecode, TellsAnExtensionOfXtablesByItsSteps) {
  // The kill switch of wg-quick(8): ! -o wg0 -m mark ! --mark 51820 -m addrtype ! --dst-type LOCAL -j REJECT.
  EXPECT_TRUE(is_recorded({"meta", "cmp", "meta", "cmp", "fib", "among", "reject"}));
  // -m connmark, -m iprange, -j CONNMARK --restore-mark.
  EXPECT_TRUE(is_recorded({"meta", "cmp", "payload", "among", "ct", "bitwise", "cmp", "payload", "among", "ct",
                           "bitwise", "meta", "bitwise", "bitwise", "meta"}));
}

TEST(NftDecode, KeepsTheNameOfWhatItDoesNotUnderstand) {
  bool found = false;
  for (const std::string& name : recorded_names("rule")) {
    const auto rule = decode_nft_rule(recorded(name));
    for (const FirewallExpression& each : rule->rule.expressions) {
      found = found || (each.name == "match" && each.subject == "statistic");
    }
  }
  EXPECT_TRUE(found);
}

TEST(NftDecode, ReadsCommentsOfBothPrograms) {
  std::set<std::string> comments;
  for (const std::string& name : recorded_names("rule")) comments.insert(decode_nft_rule(recorded(name))->rule.comment);
  EXPECT_TRUE(comments.contains("to the tunnel"));
  EXPECT_TRUE(comments.contains("hello"));
}

TEST(NftDecode, RefusesAnExtensionWhosePayloadIsShort) {
  for (const std::string_view name : {"mark", "connmark", "addrtype", "conntrack", "state", "owner", "multiport", "tcp",
                                      "udp", "icmp", "iprange", "pkttype", "devgroup"}) {
    for (std::uint32_t revision = 0; revision < 5; ++revision) {
      const Message payload(2);
      EXPECT_FALSE(decode_xt_match({name, revision, payload, "ip"}).has_value()) << name;
    }
  }
  for (const std::string_view name : {"MARK", "CONNMARK", "CT"}) {
    EXPECT_FALSE(decode_xt_target({name, 2, Message(1), "ip"}).has_value()) << name;
  }
}

}  // namespace
}  // namespace vpndoctor
