// SPDX-License-Identifier: Apache-2.0
// Names and servers as every part of the DNS engine speaks of them.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "vpndoctor/ip.h"

namespace [[gnu::visibility("default")]] vpndoctor {

inline constexpr std::uint16_t kDnsPort = 53;

/// A DNS server as it is configured.
struct DnsServer {
  IpAddress address;
  std::uint16_t port = kDnsPort;
  std::string zone;      ///< the interface of a link-local address ("fe80::1%tun0"); empty: none was given
  std::string tls_name;  ///< the name that its certificate must have ("10.0.0.1#dns.example"); empty: none

  /// "10.0.0.1", "10.0.0.1:5353", "fe80::1%tun0", "[fe80::1%tun0]:5353". The TLS name is left out.
  std::string to_string() const;
  /// Reads ADDR, ADDR:PORT, [ADDR]:PORT, each with %ZONE, and each with #NAME behind it; nullopt when it is none.
  static std::optional<DnsServer> parse(std::string_view text);
  auto operator<=>(const DnsServer&) const = default;
};

/// A domain that is bound to a resolver scope.
struct DnsDomain {
  std::string name;         ///< lower case, without a dot at the end; "." is the root
  bool route_only = false;  ///< "~corp.example": names below go there, but it is not appended to short names
  auto operator<=>(const DnsDomain&) const = default;
};

/// A name in the form that all comparisons use: ASCII lower case, no dot at the end; "." is the root. Escapes ("\046")
/// and bytes beyond ASCII stay as they are.
std::string canonical_dns_name(std::string_view name);

/// True when `name` equals `domain` or lies below it, label by label; both canonical. Everything lies below ".".
bool is_below_domain(std::string_view name, std::string_view domain);

/// How many labels a canonical name has; the root has none.
unsigned count_labels(std::string_view name);

}  // namespace vpndoctor
