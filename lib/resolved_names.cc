// SPDX-License-Identifier: Apache-2.0
// Names that systemd-resolved treats by rules of their own; see the header.
#include "resolved_names.h"

#include <algorithm>
#include <cstddef>

#include "vpndoctor/dns_server.h"

namespace vpndoctor {

namespace {

constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestName = 253;
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

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

}  // namespace

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
