// SPDX-License-Identifier: Apache-2.0
// The ways of one name side by side: what each says, and which of them should say the same.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vpndoctor/dns_test.h"

namespace vpndoctor {

/// What an answer comes down to.
enum class WayVerdict : std::uint8_t {
  kUnknown,  ///< it was not asked, or did not answer
  kFound,
  kNoSuchName,  ///< NXDOMAIN, or getaddrinfo()'s "no such name or no address", which does not tell them apart
  kNoData,
  kFailed,  ///< SERVFAIL, REFUSED, or getaddrinfo() could not find out
};
WayVerdict way_verdict(const DnsWayAnswer& way);

/// One way with the server behind it.
struct JudgedWay {
  const DnsWayAnswer* answer = nullptr;
  const DnsServerTest* server = nullptr;  ///< null: libc, the stub
  WayVerdict verdict = WayVerdict::kUnknown;
  /// The configuration sends the name there: no scope has a longer domain for it, and without any domain that fits it
  /// is a scope for all names. libc and the stub always.
  bool is_expected = false;
};

/// Sorts the ways of a name out.
std::vector<JudgedWay> judged_ways(const DnsNameTest& name, const std::vector<DnsServerTest>& servers);

/// What a way says, a sentence: "libc: EAI_NONAME (Name or service not known)", "10.0.0.1 over tun0: 10.1.1.1".
std::string way_text(const DnsWayAnswer& way);

/// True when neither list has an address of the other.
bool are_disjoint(const std::vector<std::string>& left, const std::vector<std::string>& right);

/// True for an address that means something else in each network: RFC 1918, RFC 6598, RFC 4193, link-local, loopback.
bool is_private_address(const std::string& text);

}  // namespace vpndoctor
