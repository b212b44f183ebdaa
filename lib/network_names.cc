// SPDX-License-Identifier: Apache-2.0
// The words that iproute2 has for the kernel's numbers, and back. Only the words that every iproute2 knows without its
// configuration files; what a machine names itself is in the snapshot.
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <string_view>

#include "vpndoctor/network.h"

namespace vpndoctor {
namespace {

struct Word {
  std::uint32_t number;
  std::string_view name;
};

constexpr auto kRouteTypes = std::to_array<Word>({{0, "none"},
                                                  {1, "unicast"},
                                                  {2, "local"},
                                                  {3, "broadcast"},
                                                  {4, "anycast"},
                                                  {5, "multicast"},
                                                  {6, "blackhole"},
                                                  {7, "unreachable"},
                                                  {8, "prohibit"},
                                                  {9, "throw"},
                                                  {10, "nat"}});

constexpr auto kScopes =
    std::to_array<Word>({{0, "global"}, {200, "site"}, {253, "link"}, {254, "host"}, {255, "nowhere"}});

constexpr auto kProtocols = std::to_array<Word>(
    {{0, "unspec"}, {1, "redirect"}, {2, "kernel"},      {3, "boot"},   {4, "static"},    {8, "gated"},
     {9, "ra"},     {10, "mrt"},     {11, "zebra"},      {12, "bird"},  {13, "dnrouted"}, {14, "xorp"},
     {15, "ntk"},   {16, "dhcp"},    {18, "keepalived"}, {42, "babel"}, {99, "openr"},    {186, "bgp"},
     {187, "isis"}, {188, "ospf"},   {189, "rip"},       {192, "eigrp"}});

constexpr auto kTables =
    std::to_array<Word>({{kTableDefault, "default"}, {kTableMain, "main"}, {kTableLocal, "local"}});

constexpr auto kMetrics = std::to_array<Word>({{2, "mtu"},
                                               {3, "window"},
                                               {4, "rtt"},
                                               {5, "rttvar"},
                                               {6, "ssthresh"},
                                               {7, "cwnd"},
                                               {8, "advmss"},
                                               {9, "reordering"},
                                               {10, "hoplimit"},
                                               {11, "initcwnd"},
                                               {12, "features"},
                                               {13, "rto_min"},
                                               {14, "initrwnd"},
                                               {15, "quickack"},
                                               {16, "congctl"},
                                               {17, "fastopen_no_cookie"}});

std::string name_of(std::span<const Word> words, std::uint32_t number) {
  const auto found = std::ranges::find(words, number, &Word::number);
  return found == words.end() ? std::to_string(number) : std::string(found->name);
}

/// Decimal, or hexadecimal after "0x", as iproute2 takes it.
std::optional<std::uint32_t> parse_number(std::string_view text) {
  const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  if (hexadecimal) text.remove_prefix(2);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, hexadecimal ? 16 : 10);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

template <class Integer>
std::optional<Integer> number_of(std::span<const Word> words, std::string_view text) {
  const auto found = std::ranges::find(words, text, &Word::name);
  if (found != words.end()) return static_cast<Integer>(found->number);
  const auto number = parse_number(text);
  if (!number || *number > std::numeric_limits<Integer>::max()) return std::nullopt;
  return static_cast<Integer>(*number);
}

}  // namespace

std::string route_type_name(RouteType type) { return name_of(kRouteTypes, static_cast<std::uint32_t>(type)); }
std::string route_scope_name(std::uint8_t scope) { return name_of(kScopes, scope); }
std::string route_protocol_name(std::uint8_t protocol) { return name_of(kProtocols, protocol); }
std::string table_name(std::uint32_t table) { return name_of(kTables, table); }
std::string metric_name(std::uint16_t kind) { return name_of(kMetrics, kind); }

std::string rule_action_name(RuleAction action) {
  switch (action) {
    case RuleAction::kToTable:
      return "lookup";
    case RuleAction::kGoto:
      return "goto";
    case RuleAction::kNop:
      return "nop";
    case RuleAction::kBlackhole:
      return "blackhole";
    case RuleAction::kUnreachable:
      return "unreachable";
    case RuleAction::kProhibit:
      return "prohibit";
    case RuleAction::kUnspecified:
      break;
  }
  return std::to_string(static_cast<unsigned>(action));
}

std::optional<RouteType> parse_route_type(std::string_view text) {
  const auto number = number_of<std::uint8_t>(kRouteTypes, text);
  if (!number || *number > static_cast<std::uint8_t>(RouteType::kNat)) return std::nullopt;
  return static_cast<RouteType>(*number);
}

std::optional<std::uint8_t> parse_route_scope(std::string_view text) { return number_of<std::uint8_t>(kScopes, text); }

std::optional<std::uint8_t> parse_route_protocol(std::string_view text) {
  return number_of<std::uint8_t>(kProtocols, text);
}

std::optional<std::uint32_t> parse_table(std::string_view text) { return number_of<std::uint32_t>(kTables, text); }

std::optional<std::uint16_t> parse_metric_name(std::string_view text) {
  return number_of<std::uint16_t>(kMetrics, text);
}

}  // namespace vpndoctor
