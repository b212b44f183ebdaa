// SPDX-License-Identifier: Apache-2.0
// Names that systemd-resolved treats by rules of their own: reverse names, localhost, its synthetic hosts, names that
// never leave the machine. Follows src/basic/hostname-util.c, src/shared/dns-domain.c and resolved-dns-scope.c. All
// names here are canonical.
#pragma once

#include <string_view>

namespace vpndoctor {

/// How many labels of a reverse zone of link-local addresses the name lies below: 4 or 5; 0: it does not.
unsigned link_local_reverse_labels(std::string_view name);

/// is_localhost(), with the reverse names of loopback addresses.
bool is_localhost_name(std::string_view name);
bool is_loopback_reverse_name(std::string_view name);

/// dns_name_dont_resolve(): answered with "no such name" by RFC 6303, RFC 6761 and, with `alt`, RFC 9476.
bool is_never_resolved(std::string_view name, bool alt);

/// _gateway and _outbound, and with `stub` (systemd 253) _localdnsstub and _localdnsproxy.
bool is_synthetic_host(std::string_view name, bool stub);

/// manager_is_own_hostname(): the host's name, its first label, and that below local.
bool is_own_host_name(std::string_view name, std::string_view host_name);

/// dns_refuse_special_use_domain(), systemd 257: below resolver.arpa, unless it is asked for SVCB where RFC 9462
/// allows.
bool is_resolver_discovery(std::string_view name, unsigned type);

/// One label, and not the root.
bool is_single_label(std::string_view name);

/// A name that DNS can carry: no empty label, none longer than 63 bytes, at most 253 bytes in all.
bool is_valid_dns_name(std::string_view name);

/// dns_name_is_valid_ldh(): letters, digits and hyphens, none of them a hyphen at the edge of a label.
bool is_host_name(std::string_view name);

}  // namespace vpndoctor
