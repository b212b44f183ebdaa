// SPDX-License-Identifier: Apache-2.0
// What the models of one way share: joining the answers of two models, and the libc way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dns_ground.h"
#include "dns_reverse.h"
#include "vpndoctor/dns_explain.h"

namespace vpndoctor {

/// Takes over what a further model would ask, and its notes. `only_if`: when it is asked at all; empty: in any case.
void append_dns_path(DnsPath& path, const DnsPath& further, const std::string& only_if);

/// True for the types that ask for addresses, and nothing else.
constexpr bool is_address_type(std::uint16_t type) { return type == kDnsTypeA || type == kDnsTypeAaaa; }

/// A program that calls getaddrinfo(), or getnameinfo() for an address's name: nscd, then nsswitch.conf's services.
DnsPath explain_libc(const DnsGround& ground, const DnsQuestion& question);

/// explain_resolv_conf() on an index that is there already.
DnsPath explain_resolv_conf(const DnsGround& ground, const DnsQuestion& question, bool search);

}  // namespace vpndoctor
