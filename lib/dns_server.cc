// SPDX-License-Identifier: Apache-2.0
// Servers and domain names of the DNS engine; see the header.
#include "vpndoctor/dns_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace vpndoctor {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

/// Splits "HOST:PORT", "[HOST]:PORT" or "[HOST]"; a bare IPv6 address has more than one colon and no port.
bool take_port(std::string_view& host, std::uint16_t& port) {
  std::string_view after;
  if (host.starts_with('[')) {
    const auto close = host.find(']');
    if (close == std::string_view::npos) return false;
    after = host.substr(close + 1);
    host = host.substr(1, close - 1);
    if (after.empty()) return true;
    if (!after.starts_with(':')) return false;
    after.remove_prefix(1);
  } else {
    const auto colon = host.find(':');
    if (colon == std::string_view::npos || host.find(':', colon + 1) != std::string_view::npos) return true;
    after = host.substr(colon + 1);
    host = host.substr(0, colon);
  }
  const auto number = parse_port(after);
  if (number) port = *number;
  return number.has_value();
}

}  // namespace

std::string DnsServer::to_string() const {
  std::string host = zone.empty() ? address.to_string() : fmt::format("{}%{}", address, zone);
  if (port == kDnsPort) return host;
  return address.family == Family::kInet ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

std::optional<DnsServer> DnsServer::parse(std::string_view text) {
  DnsServer server;
  if (const auto hash = text.find('#'); hash != std::string_view::npos) {
    server.tls_name = canonical_dns_name(text.substr(hash + 1));
    text = text.substr(0, hash);
  }
  if (!take_port(text, server.port)) return std::nullopt;
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

std::string canonical_dns_name(std::string_view name) {
  if (name.empty() || name == ".") return ".";
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string canonical(name);
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  std::ranges::transform(canonical, canonical.begin(), lower);
  return canonical;
}

bool is_below_domain(std::string_view name, std::string_view domain) {
  if (domain == ".") return true;
  if (!name.ends_with(domain)) return false;
  return name.size() == domain.size() || name[name.size() - domain.size() - 1] == '.';
}

unsigned count_labels(std::string_view name) {
  if (name.empty() || name == ".") return 0;
  return static_cast<unsigned>(std::ranges::count(name, '.')) + 1;
}

}  // namespace vpndoctor
