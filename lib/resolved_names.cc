// SPDX-License-Identifier: Apache-2.0
// Names that systemd-resolved treats by rules of their own; see the header.
#include "resolved_names.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "vpndoctor/dns_server.h"

namespace vpndoctor {

namespace {

constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestName = 253;
constexpr std::size_t kNibbles = 32;
constexpr std::string_view kInetZone = ".in-addr.arpa";
constexpr std::string_view kInet6Zone = ".ip6.arpa";
constexpr std::string_view kLoopback6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa";
constexpr std::string_view kUnspecified6 = "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa";
constexpr unsigned kTypeSvcb = 64;

/// Calls `visit` for each label until it returns false; true when all were visited.
template <class Visit>
bool all_labels(std::string_view name, const Visit& visit) {
  while (true) {
    const auto dot = name.find('.');
    if (!visit(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

std::optional<IpAddress> inet_address(std::string_view labels) {
  std::vector<std::string_view> parts;
  all_labels(labels, [&](std::string_view label) {
    parts.push_back(label);
    return parts.size() <= 4;
  });
  if (parts.size() != 4) return std::nullopt;
  std::string text;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (!text.empty()) text += '.';
    text += *part;
  }
  return IpAddress::parse(text);
}

std::optional<IpAddress> inet6_address(std::string_view labels) {
  std::string digits;
  const bool are_digits = all_labels(labels, [&](std::string_view label) {
    digits += label;
    return label.size() == 1 && digits.size() <= kNibbles;
  });
  if (!are_digits || digits.size() != kNibbles) return std::nullopt;
  std::ranges::reverse(digits);
  std::string text;
  for (std::size_t at = 0; at < kNibbles; at += 4) text += (at == 0 ? "" : ":") + digits.substr(at, 4);
  return IpAddress::parse(text);
}

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

}  // namespace

std::optional<IpAddress> address_of_reverse_name(std::string_view name) {
  if (name.ends_with(kInetZone)) return inet_address(name.substr(0, name.size() - kInetZone.size()));
  if (name.ends_with(kInet6Zone)) return inet6_address(name.substr(0, name.size() - kInet6Zone.size()));
  return std::nullopt;
}

unsigned link_local_reverse_labels(std::string_view name) {
  if (is_below_domain(name, "254.169.in-addr.arpa")) return 4;
  const auto zones = {"8.e.f.ip6.arpa", "9.e.f.ip6.arpa", "a.e.f.ip6.arpa", "b.e.f.ip6.arpa"};
  return std::ranges::any_of(zones, [&](const char* zone) { return is_below_domain(name, zone); }) ? 5 : 0;
}

bool is_localhost_name(std::string_view name) {
  return is_below_domain(name, "localhost") || is_below_domain(name, "localhost.localdomain");
}

bool is_loopback_reverse_name(std::string_view name) {
  return is_below_domain(name, "127.in-addr.arpa") || name == kLoopback6;
}

bool is_never_resolved(std::string_view name, bool alt) {
  return is_below_domain(name, "0.in-addr.arpa") || name == "255.255.255.255.in-addr.arpa" || name == kUnspecified6 ||
         is_below_domain(name, "invalid") || (alt && is_below_domain(name, "alt"));
}

bool is_synthetic_host(std::string_view name, bool stub) {
  return name == "_gateway" || name == "_outbound" || (stub && (name == "_localdnsstub" || name == "_localdnsproxy"));
}

bool is_own_host_name(std::string_view name, std::string_view host_name) {
  if (host_name.empty()) return false;
  const std::string own = canonical_dns_name(host_name);
  if (is_localhost_name(own)) return false;
  const std::string label = own.substr(0, own.find('.'));
  return name == own || name == label || name == label + ".local";
}

bool is_resolver_discovery(std::string_view name, unsigned type) {
  if (name == "_dns.resolver.arpa") return type != kTypeSvcb;
  return is_below_domain(name, "resolver.arpa");
}

bool is_single_label(std::string_view name) { return count_labels(name) == 1; }

bool is_valid_dns_name(std::string_view name) {
  if (name == ".") return true;
  if (name.size() > kLongestName) return false;
  return all_labels(name, [](std::string_view label) { return !label.empty() && label.size() <= kLongestLabel; });
}

bool is_host_name(std::string_view name) {
  return is_valid_dns_name(name) && name != "." && all_labels(name, [](std::string_view label) {
           return label.front() != '-' && label.back() != '-' &&
                  std::ranges::all_of(label, [](char c) { return c == '-' || is_letter_or_digit(c); });
         });
}

}  // namespace vpndoctor
