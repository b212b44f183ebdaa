// SPDX-License-Identifier: Apache-2.0
// Reads what a person has as the list of a split tunnel: CIDRs, a WireGuard configuration, an OpenVPN one. Which of
// them it is, the words say; what is wrong with a line is said with its number.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>

#include "text/configuration_text.h"
#include "text/lines.h"
#include "vpndoctor/cidr_audit.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

using Prefixes = std::vector<IpPrefix>;
using Problem = std::optional<Error>;  // null: the line was fine

enum class ListKind : std::uint8_t { kCidrs, kWireguard, kOpenvpn };

constexpr std::string_view kAllowedIps = "allowedips";

/// Directives by which a text shows itself to be an OpenVPN configuration. None is a prefix.
constexpr auto kOpenvpnWords =
    std::to_array<std::string_view>({"client", "remote", "dev", "proto", "route", "route-ipv6", "redirect-gateway",
                                     "redirect-private", "push", "server", "server-ipv6", "ifconfig", "tls-client",
                                     "tls-server", "pull", "route-nopull", "route-metric", "auth-user-pass"});

std::string lower(std::string_view text) {
  std::string copy(text);
  std::ranges::transform(copy, copy.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return copy;
}

/// Splits at spaces; quotation marks, which no prefix has, go.
std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  for (const std::string_view piece : split(line, kBlanks)) {
    std::string word(piece);
    std::erase(word, '"');
    if (!word.empty()) words.push_back(std::move(word));
  }
  return words;
}

/// The value of `AllowedIPs = value`, in any letter case; nullopt for another line.
std::optional<std::string_view> allowed_ips(std::string_view line) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos || lower(trimmed(line.substr(0, equals))) != kAllowedIps) return std::nullopt;
  return line.substr(equals + 1);
}

std::optional<ListKind> kind_of_line(std::string_view line) {
  if (line.front() == '[' || allowed_ips(line)) return ListKind::kWireguard;
  const std::vector<std::string> words = words_of(line);
  if (!words.empty() && std::ranges::count(kOpenvpnWords, words.front()) != 0) return ListKind::kOpenvpn;
  return std::nullopt;
}

/// The line without its comment. A semicolon begins one for OpenVPN.
std::string_view without_comment(std::string_view line) { return trimmed(line.substr(0, line.find_first_of("#;"))); }

/// Calls `visit` for each line that says something, until one has a problem.
template <class Visit>
Problem for_each_entry(std::string_view text, Visit visit) {
  Problem problem;
  for_each_line(text, [&](std::size_t number, std::string_view raw) {
    const std::string_view line = without_comment(raw);
    if (problem || line.empty()) return;
    problem = visit(line);
    if (problem) problem->message = fmt::format("line {}: {}", number, problem->message);
  });
  return problem;
}

ListKind kind_of(std::string_view text) {
  std::optional<ListKind> kind;
  for_each_entry(text, [&kind](std::string_view line) -> Problem {
    if (!kind) kind = kind_of_line(line);
    return std::nullopt;
  });
  return kind.value_or(ListKind::kCidrs);
}

Problem wrong(std::string message, std::string hint = {}) {
  return Error{ErrorKind::kUsage, std::move(message), std::move(hint)};
}

Problem add(Result<IpPrefix> prefix, Prefixes& list) {
  if (!prefix) return std::move(prefix.error());
  list.push_back(*prefix);
  return std::nullopt;
}

/// Calls `visit` with every piece between commas and spaces, until one has a problem.
template <class Visit>
Problem for_each_item(std::string_view text, Visit visit) {
  constexpr std::string_view kBetween = ", \t\r\v\f";
  for (;;) {  // not split(): a list of millions on one line needs no second copy
    text.remove_prefix(std::min(text.find_first_not_of(kBetween), text.size()));
    if (text.empty()) return std::nullopt;
    const std::size_t end = std::min(text.find_first_of(kBetween), text.size());
    if (Problem problem = visit(text.substr(0, end))) return problem;
    text.remove_prefix(end);
  }
}

/// WireGuard takes 10.0.0.2/24 and means 10.0.0.0/24.
Problem add_masked(std::string_view item, Prefixes& list) {
  const std::size_t slash = std::min(item.find('/'), item.size());
  const auto address = IpAddress::parse(item.substr(0, slash));
  if (!address) return add(IpPrefix::parse(item), list);
  // Of the address without any bits, only the length can be wrong.
  const auto whole =
      IpPrefix::parse(IpPrefix::everything(address->family).address.to_string() + std::string(item.substr(slash)));
  if (!whole) return add(IpPrefix::parse(item), list);
  return add(IpPrefix::of(*address, whole->length), list);
}

Problem wireguard_line(std::string_view line, Prefixes& list) {
  const auto value = allowed_ips(line);
  if (!value) return std::nullopt;
  return for_each_item(*value, [&list](std::string_view item) { return add_masked(item, list); });
}

/// `route NETWORK [NETMASK] [GATEWAY] [METRIC]`
Problem openvpn_route(const std::vector<std::string>& words, Prefixes& list) {
  if (words.size() < 2) return wrong("\"route\" names no network");
  const auto network = IpAddress::parse(words[1]);
  if (!network || network->family != Family::kInet) {
    return wrong(fmt::format("{} is not an IPv4 address", in_quotes(words[1])),
                 "a host's name or an OpenVPN keyword means something only when OpenVPN runs; write its address");
  }
  std::optional<std::uint8_t> length = address_bits(Family::kInet);
  if (words.size() > 2 && words[2] != "default") {
    const auto mask = IpAddress::parse(words[2]);
    length = mask ? mask_length(*mask) : std::nullopt;
  }
  if (!length) return wrong(fmt::format("{} is not a netmask", in_quotes(words[2])));
  return add(IpPrefix::parse(fmt::format("{}/{}", *network, *length)), list);
}

/// `route-ipv6 NETWORK/BITS [GATEWAY] [METRIC]`
Problem openvpn_route6(const std::vector<std::string>& words, Prefixes& list) {
  if (words.size() < 2) return wrong("\"route-ipv6\" names no network");
  Result<IpPrefix> prefix = IpPrefix::parse(words[1]);
  if (prefix && prefix->family() != Family::kInet6) return wrong(fmt::format("{} is not an IPv6 network", *prefix));
  return add(std::move(prefix), list);
}

Problem redirect_gateway(const std::vector<std::string>& words, Prefixes& list) {
  const auto has = [&words](std::string_view flag) { return std::ranges::count(words, flag) != 0; };
  if (!has("!ipv4")) list.push_back(IpPrefix::everything(Family::kInet));
  if (has("ipv6")) list.push_back(IpPrefix::everything(Family::kInet6));
  return std::nullopt;
}

Problem openvpn_line(std::string_view line, Prefixes& list) {
  std::vector<std::string> words = words_of(line);
  if (!words.empty() && words.front() == "push") words.erase(words.begin());
  if (words.empty()) return std::nullopt;
  // What goes by the gateway from before the VPN is meant to stay outside.
  const bool is_outside =
      std::ranges::count(words, "net_gateway") != 0 || std::ranges::count(words, "net_gateway_ipv6") != 0;
  if (words.front() == "route" && !is_outside) return openvpn_route(words, list);
  if (words.front() == "route-ipv6" && !is_outside) return openvpn_route6(words, list);
  if (words.front() == "redirect-gateway") return redirect_gateway(words, list);
  return std::nullopt;
}

Problem cidr_line(std::string_view line, Prefixes& list) {
  return for_each_item(line, [&list](std::string_view item) { return add(IpPrefix::parse(item), list); });
}

}  // namespace

Result<std::vector<IpPrefix>> parse_prefix_list(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // editors of Windows begin a text with it
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const ListKind kind = kind_of(text);
  std::vector<IpPrefix> list;
  Problem problem = for_each_entry(text, [kind, &list](std::string_view line) {
    if (kind == ListKind::kWireguard) return wireguard_line(line, list);
    return kind == ListKind::kOpenvpn ? openvpn_line(line, list) : cidr_line(line, list);
  });
  if (problem) return std::unexpected(std::move(*problem));
  if (list.empty()) {
    return failure(ErrorKind::kUsage, "the list names no prefix",
                   "it may have CIDRs, AllowedIPs of WireGuard, or route lines of OpenVPN");
  }
  return list;
}

}  // namespace vpndoctor
