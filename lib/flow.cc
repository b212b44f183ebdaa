// SPDX-License-Identifier: Apache-2.0
// Flows in the words of `ip route get`. Reads only what decides a route; the words that ask `ip` for something else
// (connected, fibmatch, notify) are passed over.
#include "vpndoctor/flow.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::array<std::pair<std::string_view, std::uint8_t>, 13> kProtocols{{{"icmp", 1},
                                                                                {"igmp", 2},
                                                                                {"ipip", 4},
                                                                                {"tcp", 6},
                                                                                {"udp", 17},
                                                                                {"dccp", 33},
                                                                                {"ipv6", 41},
                                                                                {"gre", 47},
                                                                                {"esp", 50},
                                                                                {"ah", 51},
                                                                                {"ipv6-icmp", 58},
                                                                                {"icmpv6", 58},
                                                                                {"sctp", 132}}};
constexpr std::size_t kLongestName = 127;  // an alternative name of an interface

constexpr const char* kWordsOfFlow =
    "the words are: ADDR from ADDR mark N iif IF oif IF uid N tos N ipproto P sport N dport N";

std::unexpected<Error> wrong(std::string message, std::string hint) {
  return failure(ErrorKind::kUsage, std::move(message), std::move(hint));
}

/// What to give instead of a text that is no address.
const char* address_hint(std::string_view text) {
  const std::size_t zone = text.find('%');
  if (zone != text.npos && IpAddress::parse(text.substr(0, zone))) {
    return "give the address alone; --oif names the interface";
  }
  const std::size_t slash = text.find('/');
  if (slash != text.npos && IpAddress::parse(text.substr(0, slash))) {
    return "give one address; for a prefix: vpndoctor routes audit LIST --via IF";
  }
  const auto is_letter = [](char c) { return (c >= 'g' && c <= 'z') || (c >= 'G' && c <= 'Z'); };
  if (std::ranges::any_of(text, is_letter)) return "a name is not looked up: give its address";
  return "give an IPv4 or IPv6 address";
}

const char* value_hint(std::string_view word) {
  if (word == "from" || word == "to") return "give an IPv4 or IPv6 address";
  if (word == "ipproto") return "give a number up to 255, or a name: tcp, udp, icmp, ipv6-icmp, sctp, gre, esp ...";
  if (word == "iif" || word == "oif" || word == "dev" || word == "vrf") return "give the name of an interface";
  return "give a number: decimal, or hexadecimal after 0x";
}

/// Takes a text apart at white space.
class FlowWords {
 public:
  explicit FlowWords(std::string_view text) : rest_(text) {}

  std::string_view next() {
    const std::size_t from = rest_.find_first_not_of(" \t\r\n");
    if (from == std::string_view::npos) {
      rest_ = {};
      return {};
    }
    rest_.remove_prefix(from);
    const std::string_view word = rest_.substr(0, rest_.find_first_of(" \t\r\n"));
    rest_.remove_prefix(word.size());
    return word;
  }

 private:
  std::string_view rest_;
};

template <class Number>
bool parse_number(std::string_view text, int base, Number& number) {
  std::uint32_t value = 0;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    base = 16;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size() || value > std::numeric_limits<Number>::max()) {
    return false;
  }
  number = static_cast<Number>(value);
  return true;
}

bool parse_protocol(std::string_view text, std::uint8_t& protocol) {
  for (const auto& [name, number] : kProtocols) {
    if (name == text) {
      protocol = number;
      return true;
    }
  }
  return parse_number(text, 10, protocol);
}

bool parse_interface(std::string_view text, std::string& name) {
  if (text.empty() || text.size() > kLongestName) return false;
  name = text;
  return true;
}

bool parse_address(std::string_view text, IpAddress& address) {
  const auto parsed = IpAddress::parse(text);
  if (parsed) address = *parsed;
  return parsed.has_value();
}

bool parse_source(std::string_view text, Flow& flow) { return parse_address(text, flow.source.emplace()); }

enum class Taken : std::uint8_t { kUnknownWord, kWrongValue, kTaken };

Taken taken(bool right) { return right ? Taken::kTaken : Taken::kWrongValue; }

Taken take_value(Flow& flow, std::string_view word, std::string_view value) {
  if (word == "from") return taken(parse_source(value, flow));
  if (word == "mark") return taken(parse_number(value, 10, flow.mark));
  if (word == "iif") return taken(parse_interface(value, flow.input_interface));
  if (word == "oif" || word == "dev" || word == "vrf") return taken(parse_interface(value, flow.output_interface));
  if (word == "uid") return taken(parse_number(value, 10, flow.uid));
  // A TOS is hexadecimal with `ip`, with or without 0x.
  if (word == "tos" || word == "dsfield") return taken(parse_number(value, 16, flow.tos));
  if (word == "ipproto") return taken(parse_protocol(value, flow.ip_protocol));
  if (word == "sport") return taken(parse_number(value, 10, flow.source_port));
  if (word == "dport") return taken(parse_number(value, 10, flow.destination_port));
  return Taken::kUnknownWord;
}

bool asks_only_ip(std::string_view word) { return word == "connected" || word == "fibmatch" || word == "notify"; }

Result<void> take_destination(Flow& flow, bool& has_destination, std::string_view text) {
  if (has_destination && IpAddress::parse(text)) {
    return wrong(fmt::format("{} is a second destination, and a flow has one", in_quotes(text)),
                 "ask for each by itself; --flows reads one flow a line");
  }
  if (has_destination) return wrong(fmt::format("{} is no word of a flow", in_quotes(text)), kWordsOfFlow);
  if (!parse_address(text, flow.destination)) {
    return wrong(fmt::format("{} is no IP address", in_quotes(text)), address_hint(text));
  }
  has_destination = true;
  return {};
}

}  // namespace

Result<Flow> parse_flow(std::string_view text, const Flow& defaults) {
  Flow flow = defaults;
  bool has_destination = false;
  FlowWords words(text);
  for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
    if (asks_only_ip(word)) continue;
    const bool to = word == "to";
    const std::string_view value = has_destination || to || !IpAddress::parse(word) ? words.next() : std::string_view{};
    if (value.empty() && (to || take_value(flow, word, {}) == Taken::kWrongValue)) {
      return wrong(fmt::format("{} has no value behind it", in_quotes(word)), value_hint(word));
    }
    if (to || value.empty()) {
      if (const auto right = take_destination(flow, has_destination, to ? value : word); !right) {
        return std::unexpected(right.error());
      }
      continue;
    }
    switch (take_value(flow, word, value)) {
      case Taken::kUnknownWord:
        return wrong(fmt::format("{} is no word of a flow", in_quotes(word)), kWordsOfFlow);
      case Taken::kWrongValue:
        return wrong(fmt::format("{} is no value for {}", in_quotes(value), word), value_hint(word));
      case Taken::kTaken:
        break;
    }
  }
  if (!has_destination) return wrong("a flow needs a destination address", kWordsOfFlow);
  if (flow.source && flow.source->family != flow.destination.family) {
    return wrong("source and destination are not of the same IP version", "give both as IPv4 or both as IPv6");
  }
  return flow;
}

std::string flow_text(const Flow& flow) {
  std::string text = flow.destination.to_string();
  if (flow.source) text += " from " + flow.source->to_string();
  if (flow.mark != 0) text += fmt::format(" mark {:#x}", flow.mark);
  if (!flow.input_interface.empty()) text += " iif " + flow.input_interface;
  if (!flow.output_interface.empty()) text += " oif " + flow.output_interface;
  if (flow.uid != 0) text += fmt::format(" uid {}", flow.uid);
  if (flow.tos != 0) text += fmt::format(" tos {:#x}", flow.tos);
  if (flow.ip_protocol != 0) text += fmt::format(" ipproto {}", flow.ip_protocol);
  if (flow.source_port != 0) text += fmt::format(" sport {}", flow.source_port);
  if (flow.destination_port != 0) text += fmt::format(" dport {}", flow.destination_port);
  return text;
}

}  // namespace vpndoctor
