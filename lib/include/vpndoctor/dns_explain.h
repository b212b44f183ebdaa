// SPDX-License-Identifier: Apache-2.0
// Who would be asked for a name, and why, worked out from a snapshot without sending anything: systemd-resolved, glibc
// with resolv.conf, NetworkManager with dnsmasq, and macOS. One pure function a model, one type of answer for all.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/dns_server.h"
#include "vpndoctor/result.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// RR types by number (RFC 1035 section 3.2.2, RFC 3596).
enum DnsType : std::uint16_t {
  kDnsTypeA = 1,
  kDnsTypeNs = 2,
  kDnsTypeCname = 5,
  kDnsTypeSoa = 6,
  kDnsTypePtr = 12,
  kDnsTypeMx = 15,
  kDnsTypeTxt = 16,
  kDnsTypeAaaa = 28,
  kDnsTypeSrv = 33,
  kDnsTypeOpt = 41,
  kDnsTypeHttps = 65,
};

/// The way by which a program gets its answers.
enum class DnsCaller : std::uint8_t {
  kLibc,    ///< getaddrinfo() through nsswitch.conf
  kStub,    ///< DNS to systemd-resolved's 127.0.0.53
  kDirect,  ///< a resolver of its own that reads resolv.conf: dig, nslookup, Go
  kBound,   ///< DNS bound to an interface, to resolv.conf's servers
};
const char* dns_caller_name(DnsCaller caller);  ///< "libc", "stub", "direct", "bound"

struct DnsQuestion {
  std::string name;  ///< as the user typed it; a dot at the end counts
  std::uint16_t type = kDnsTypeA;
  DnsCaller caller = DnsCaller::kLibc;
  std::string interface;  ///< of kBound
};

/// The order of systemd-resolved's scores: no < last resort < maybe < yes + labels (DnsScopeMatch).
struct DnsScore {
  enum class Rank : std::uint8_t { kNo, kLastResort, kMaybe, kYes };
  Rank rank = Rank::kNo;
  unsigned labels = 0;  ///< of kYes
  auto operator<=>(const DnsScore&) const = default;
  std::string to_string() const;  ///< "no", "last resort", "maybe", "yes+2"
};

/// A scope that might have been asked, with the rule that chose or rejected it.
struct DnsCandidate {
  std::string scope;  ///< "tun0", "global", "delegate x", "resolver #2", "llmnr lan0", "tun0 ~corp.example"
  DnsScore score;
  bool chosen = false;
  std::string rule;            ///< a sentence: "its domain corp.example is the longest that fits"
  std::string matched_domain;  ///< empty: none
};

/// One query that leaves.
struct DnsQuery {
  std::optional<DnsServer> server;  ///< null: multicast (LLMNR, mDNS)
  std::string interface;            ///< it leaves there; empty: not known, or as the routes say
  std::string name;                 ///< as it is sent, canonical
  std::string protocol = "dns";     ///< "dns", "tls", "llmnr", "mdns"
  std::string scope;                ///< the candidate that it comes from
  /// Asked only when those before did not answer (the next server, the next search domain), or said no; null: at once.
  std::string only_if;  ///< a phrase: "10.0.0.1 does not answer in 5 s"; empty: in any case
};

/// One way to the answer.
struct DnsPath {
  DnsCaller caller = DnsCaller::kLibc;
  std::string interface;  ///< of kBound
  /// Why this way does not exist on this machine: "systemd-resolved has no stub". Empty: it exists.
  std::string why_none;
  std::string answered_by;         ///< an NSS module or a server; empty: nobody, or not known
  bool is_answered_here = false;   ///< without a packet: /etc/hosts, localhost, a synthesised name
  std::vector<std::string> steps;  ///< NSS modules and the like that were passed, a sentence each
  std::vector<DnsCandidate> candidates;
  std::vector<DnsQuery> asked;  ///< in order; with `parallel` those without `only_if` at once
  bool parallel = false;
  /// Asked servers that are reached outside every tunnel although a tunnel's scope matches the name or all traffic is
  /// to go through a tunnel. Null: not known, for the reason in `why_leaks_unknown`.
  std::optional<std::vector<std::string>> leaks_to = std::vector<std::string>();
  std::string why_leaks_unknown;
  /// How long it takes when the first server is silent (glibc's formula); null: not a matter of this way.
  std::optional<std::chrono::milliseconds> delay_if_first_is_silent;
  std::string uncertain;           ///< why this answer may be wrong: a facet is missing; empty: certain
  std::vector<std::string> notes;  ///< what one should know, a sentence each
};

/// All ways that a question has.
struct DnsExplanation {
  std::string name;  ///< as asked
  std::uint16_t type = kDnsTypeA;
  std::vector<DnsPath> paths;
};

/// Works out one way. Picks the model by what the snapshot holds.
DnsPath explain_dns_path(const Snapshot& snapshot, const DnsQuestion& question);

/// Works out libc, stub and direct, or on macOS what there is instead, and each of `interfaces` as bound.
DnsExplanation explain_dns(const Snapshot& snapshot, const std::string& name, std::uint16_t type,
                           const std::vector<std::string>& interfaces = {});

// The models. `search` means: the caller uses the search list (a libc program does, dig does not).

/// systemd-resolved, src/resolve: dns_query_go(), dns_scope_good_domain(). `through_stub`: by DNS to 127.0.0.53, where
/// single labels are not searched; otherwise by nss-resolve or varlink. `pinned_interface`: ask that link alone.
DnsPath explain_resolved(const Snapshot& snapshot, const DnsQuestion& question, bool through_stub,
                         const std::string& pinned_interface = {});
/// glibc with resolv.conf, resolv/res_query.c and res_send.c. A server that is a local forwarder is followed one step.
DnsPath explain_resolv_conf(const Snapshot& snapshot, const DnsQuestion& question, bool search);
/// dnsmasq, src/forward.c: the longest domain decides. Appends to `path` what a query that reaches it makes it ask.
DnsPath explain_dnsmasq(const Snapshot& snapshot, const DnsQuestion& question, const DnsmasqInstance& instance);
/// macOS: DNSServerMatch, BetterMatchForName, SetValidDNSServers, GetBestServer of mDNSResponder.
DnsPath explain_macos(const Snapshot& snapshot, const DnsQuestion& question);

/// "A", "AAAA", "PTR", ..., "TYPE65280"; and back, nullopt for what is none.
std::string dns_type_name(std::uint16_t type);
std::optional<std::uint16_t> parse_dns_type(std::string_view text);

}  // namespace vpndoctor
