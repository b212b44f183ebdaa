// SPDX-License-Identifier: Apache-2.0
// Reads values with std::from_chars: no locale, no leading space or sign, nothing left over.
#include "option_values.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <ranges>
#include <string_view>

#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

template <class Number, class... Format>
std::optional<Number> parse_number(std::string_view text, Format... format) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, format...);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> parse_whole(std::string_view text) {
  if (text.starts_with("0x")) return parse_number<std::uint64_t>(text.substr(2), 16);
  return parse_number<std::uint64_t>(text, 10);
}

/// An endpoint's two halves as text; `port` is empty when there is none.
struct AddressAndPort {
  std::string_view address;
  std::optional<std::string_view> port;
};

std::optional<AddressAndPort> split_endpoint(std::string_view text) {
  if (!text.starts_with('[')) {
    const auto colon = text.find(':');
    const bool has_port = colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
    if (!has_port) return AddressAndPort{text, std::nullopt};
    return AddressAndPort{text.substr(0, colon), text.substr(colon + 1)};
  }
  const auto end = text.find(']');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view address = text.substr(1, end - 1);
  if (address.find(':') == std::string_view::npos) return std::nullopt;
  const std::string_view rest = text.substr(end + 1);
  if (rest.empty()) return AddressAndPort{address, std::nullopt};
  if (!rest.starts_with(':')) return std::nullopt;
  return AddressAndPort{address, rest.substr(1)};
}

/// RFC 1035 section 3.5, RFC 3596 section 2.5.
std::string reverse_name(const IpAddress& address) {
  std::string name;
  if (address.family == Family::kInet) {
    for (std::size_t i = 4; i-- > 0;) name += fmt::format("{}.", address.bytes[i]);
    return name + "in-addr.arpa";
  }
  for (std::size_t i = 16; i-- > 0;) name += fmt::format("{:x}.{:x}.", address.bytes[i] & 0xf, address.bytes[i] >> 4);
  return name + "ip6.arpa";
}

}  // namespace

std::string check_whole_number(std::string& text, WholeNumbers range) {
  const auto number = parse_whole(text);
  if (!number || *number < range.from || *number > range.to) {
    return fmt::format("{} is not a whole number from {} to {}", in_quotes(text), range.from, range.to);
  }
  text = std::to_string(*number);
  return {};
}

std::string check_seconds(const std::string& text, double from, double to) {
  const auto seconds = parse_number<double>(text, std::chars_format::fixed);
  if (seconds && *seconds >= from && *seconds <= to) return {};
  return fmt::format("{} is not a number of seconds from {} to {}", in_quotes(text), from, to);
}

std::optional<Error> check_dns_name(const std::string& name) {
  constexpr std::size_t kLongestName = 253;  // RFC 1035 section 2.3.4, without the length bytes at both ends
  constexpr std::size_t kLongestLabel = 63;
  const auto wrong = [&name](const char* why, const char* hint) {
    return Error{ErrorKind::kUsage, fmt::format("{} is no domain name: {}", in_quotes(name), why), hint};
  };
  const std::string_view text = name.ends_with('.') ? std::string_view(name).substr(0, name.size() - 1) : name;
  if (name == ".") return std::nullopt;
  if (text.empty()) return wrong("it is empty", "give one such as git.corp.example");
  if (text.size() > kLongestName) return wrong("it is longer than 253 bytes", "give the name alone");
  if (const auto address = IpAddress::parse(name)) {
    return Error{ErrorKind::kUsage, fmt::format("{} is no domain name: it is an address", in_quotes(name)),
                 fmt::format("its own name is asked for as {} --type PTR", reverse_name(*address))};
  }
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return wrong("it is not ASCII", "give it as idn2 prints it (xn--...)");
    if (c <= ' ' || c == 0x7f) return wrong("it has characters that no name has", "give the name alone");
  }
  for (const auto label : std::views::split(text, '.')) {
    const auto length = static_cast<std::size_t>(std::ranges::distance(label));
    if (length == 0) return wrong("a part of it is empty", "put one dot between two parts");
    if (length > kLongestLabel) return wrong("a part of it is longer than 63 bytes", "give the name alone");
  }
  return std::nullopt;
}

Result<TunnelEndpoint> parse_endpoint(const std::string& text) {
  const auto wrong = failure(ErrorKind::kUsage, fmt::format("--endpoint: {} is not ADDRESS[:PORT]", in_quotes(text)),
                             "for example 203.0.113.5:51820 or [2001:db8::5]:51820");
  const auto split = split_endpoint(text);
  if (!split) return wrong;
  const auto address = IpAddress::parse(split->address);
  if (!address) return wrong;
  TunnelEndpoint endpoint;
  endpoint.address = *address;
  endpoint.source = "--endpoint";
  if (!split->port) return endpoint;
  const auto port = parse_number<std::uint16_t>(*split->port, 10);
  if (!port || *port == 0) return wrong;
  endpoint.port = *port;
  return endpoint;
}

}  // namespace vpndoctor
