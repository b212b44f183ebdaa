// SPDX-License-Identifier: Apache-2.0
// Servers, domains and reverse zones as dnsmasq writes them; see the header.
#include "dnsmasq_server_text.h"

#include <fmt/format.h>

#include "lines.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostDomains = 1000;  // of one line

/// ADDRESS[%ZONE][#PORT]
std::optional<DnsServer> server_at(std::string_view text) {
  DnsServer server;
  if (const auto hash = text.find('#'); hash != std::string_view::npos) {
    const auto port = parse_number<std::uint16_t>(text.substr(hash + 1));
    if (!port || *port == 0) return std::nullopt;
    server.port = *port;
    text = text.substr(0, hash);
  }
  if (const auto percent = text.find('%'); percent != std::string_view::npos) {
    server.zone = text.substr(percent + 1);
    text = text.substr(0, percent);
    if (server.zone.empty()) return std::nullopt;
  }
  const auto address = IpAddress::parse(text);
  if (!address) return std::nullopt;
  server.address = *address;
  return server;
}

/// One unit of a reversed address: an octet in decimal, or a nibble in hexadecimal.
struct ReverseUnits {
  unsigned bits;       ///< 8 or 4
  const char* ending;  ///< "in-addr.arpa"

  unsigned value(const IpAddress& address, unsigned place) const {
    if (bits == 8) return address.bytes[place];
    const unsigned octet = address.bytes[place / 2];
    return place % 2 == 0 ? octet >> 4 : octet & 15;
  }
  std::string text(unsigned number) const {
    return bits == 8 ? fmt::format("{}", number) : fmt::format("{:x}", number);
  }
};

}  // namespace

std::optional<DnsmasqDomains> split_dnsmasq_domains(std::string_view text) {
  DnsmasqDomains parts;
  if (!text.starts_with('/')) {
    parts.rest = text;
    return parts;
  }
  const auto last = text.rfind('/');
  if (last < 2) return std::nullopt;
  for (const std::string_view domain : split(text.substr(1, last - 1), "/")) {
    if (parts.domains.size() == kMostDomains || domain.starts_with('*')) return std::nullopt;
    const std::string_view name = domain.starts_with('.') ? domain.substr(1) : domain;
    parts.domains.push_back(name == "#" ? "." : canonical_dns_name(name));
  }
  if (parts.domains.empty()) return std::nullopt;
  parts.rest = text.substr(last + 1);
  return parts;
}

std::optional<DnsmasqUpstream> parse_dnsmasq_server(std::string_view text) {
  DnsmasqUpstream upstream;
  const auto at = text.find('@');
  const auto server = server_at(text.substr(0, at));
  if (!server) return std::nullopt;
  upstream.server = *server;
  while (!text.empty() && text.find('@') != std::string_view::npos) {
    text.remove_prefix(text.find('@') + 1);
    const std::string_view part = text.substr(0, text.find('@'));
    const bool is_source = IpAddress::parse(part.substr(0, part.find('#'))).has_value();
    if (!is_source && !part.empty()) upstream.interface = part;
  }
  return upstream;
}

std::optional<DnsmasqUpstream> parse_dnsmasq_counts(std::string_view text) {
  const auto words = split(text, " ");
  if (words.size() != 3 || words[0].find('#') == std::string_view::npos) return std::nullopt;
  const auto server = server_at(words[0]);
  const auto sent = parse_number<std::uint64_t>(words[1]);
  const auto failed = parse_number<std::uint64_t>(words[2]);
  if (!server || !sent || !failed) return std::nullopt;
  return DnsmasqUpstream{*server, {}, {}, sent, failed};
}

std::optional<std::vector<std::string>> dnsmasq_reverse_domains(std::string_view prefix) {
  const auto slash = prefix.find('/');
  const auto address = IpAddress::parse(prefix.substr(0, slash));
  if (!address) return std::nullopt;
  const bool is_inet = address->family == Family::kInet;
  const ReverseUnits units{is_inet ? 8U : 4U, is_inet ? "in-addr.arpa" : "ip6.arpa"};
  const unsigned most = is_inet ? 32 : 128;
  const auto length =
      slash == std::string_view::npos ? std::optional(most) : parse_number<unsigned>(prefix.substr(slash + 1));
  if (!length || *length == 0 || *length > most) return std::nullopt;
  std::string whole = units.ending;
  for (unsigned place = 0; place < *length / units.bits; ++place) {
    whole = units.text(units.value(*address, place)) + "." + whole;
  }
  const unsigned left_over = *length % units.bits;
  if (left_over == 0) return std::vector{whole};
  const unsigned count = 1U << (units.bits - left_over);
  const unsigned first = units.value(*address, *length / units.bits) / count * count;
  std::vector<std::string> domains;
  for (unsigned each = first; each < first + count; ++each) domains.push_back(units.text(each) + "." + whole);
  return domains;
}

}  // namespace vpndoctor
