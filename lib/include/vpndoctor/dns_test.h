// SPDX-License-Identifier: Apache-2.0
// What came of asking servers: single exchanges, a server's abilities, one name asked on every way, and whether
// somebody answers in the place of others. Plain values; asking is done in probes, judging in dns_test_findings.cc.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/dns_explain.h"
#include "vpndoctor/dns_server.h"
#include "vpndoctor/finding.h"
#include "vpndoctor/path_mtu.h"
#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

enum class DnsTransport : std::uint8_t { kUdp, kTcp };

enum class DnsOutcome : std::uint8_t {
  kNotAsked,
  kAnswered,     ///< whatever it says: see `rcode`
  kSilent,       ///< nothing came before the deadline
  kUnreachable,  ///< an ICMP message, a reset, or no route: see `reason`
  kNotBound,     ///< the socket could not be bound to the interface: nothing was sent
  kMalformed,    ///< what came is no answer to the question
};
const char* dns_outcome_name(DnsOutcome outcome);  ///< "not_asked", "answered", "silent", ...

/// One question to one server and what came of it.
struct DnsExchange {
  DnsServer server;
  std::string interface;  ///< bound to it; empty: as the routes say
  std::string name;
  std::uint16_t type = kDnsTypeA;
  DnsTransport transport = DnsTransport::kUdp;
  std::optional<std::uint16_t> edns_bytes;  ///< the size that the question offers; null: no EDNS
  DnsOutcome outcome = DnsOutcome::kNotAsked;
  std::string reason;  ///< in words, of everything but an answer: "port unreachable, from 10.0.0.1"
  std::optional<Milliseconds> rtt;
  std::optional<unsigned> rcode;  ///< with the extended bits
  bool truncated = false;
  std::vector<std::string> answers;           ///< the records' data as text, in order, CNAMEs as "-> name"
  std::optional<std::uint32_t> reply_bytes;   ///< the whole message
  std::optional<std::uint16_t> server_bytes;  ///< the EDNS size that the server says it takes
  std::optional<std::uint8_t> reply_ttl;      ///< IP TTL or hop limit of the reply
  unsigned other_answers = 0;            ///< further replies to the same question with other content: somebody injects
  std::vector<std::string> other_texts;  ///< of the first few of them: "NXDOMAIN, IP TTL 61, after 12 ms"
  /// Times that the question was sent: a second one says that the first, or its answer, was lost.
  unsigned sent = 0;
};

/// What a server of a scope can do.
struct DnsServerTest {
  DnsServer server;
  std::string scope;                  ///< DnsScopeView::id
  std::string interface;              ///< of the scope
  std::string why_unbound;            ///< "the server is this machine's own address"; empty: bound to `interface`
  std::vector<DnsDomain> domains;     ///< of the scope
  std::optional<bool> default_route;  ///< of the scope
  bool is_tunnel = false;             ///< the scope's interface is a tunnel
  bool is_named = false;              ///< by the user, not by the configuration
  /// Where it stands among the servers of resolv.conf that are used, from 0; null: it is none of them.
  std::optional<std::size_t> resolv_conf_index;
  DnsExchange udp;        ///< offers 1232 bytes (EDNS)
  DnsExchange udp_plain;  ///< without EDNS, as glibc asks
  DnsExchange tcp;
  /// Asks a server that stayed silent for "localhost", which every resolver answers itself: a forwarder is also silent
  /// while it waits for others. Null: it was not necessary.
  std::optional<DnsExchange> control;
  std::vector<DnsExchange> ladder;  ///< 4096, 1452, 1232, 512, for a name whose TCP answer is large enough
  std::optional<std::uint16_t> largest_edns_bytes;  ///< of the ladder that was answered; null: not judged
  std::string why_not_judged;                       ///< of the ladder
};

/// One name on one way.
struct DnsWayAnswer {
  std::string way;        ///< "libc", "stub", or a server as text
  std::string scope;      ///< of a server; empty otherwise
  std::string interface;  ///< bound to it; empty: not bound
  DnsOutcome outcome = DnsOutcome::kNotAsked;
  std::string status;  ///< "NOERROR", "NXDOMAIN", "EAI_NONAME", ...; empty without an answer
  std::string reason;
  std::vector<std::string> addresses;  ///< sorted; of a type that is no address the records' data
  std::optional<Milliseconds> took;
  unsigned lost = 0;  ///< questions that were not answered before the one that was; always 0 of libc
};

struct DnsNameTest {
  std::string name;
  std::uint16_t type = kDnsTypeA;
  std::vector<DnsWayAnswer> ways;
};

/// A question to a documentation address (RFC 5737, RFC 3849), where nobody can be: an answer is an interception.
struct DnsHijackProbe {
  DnsExchange exchange;
  std::string egress;  ///< the interface that it is bound to, which has a default route
  bool through_tunnel = false;
};

struct DnsTestResults {
  std::vector<DnsServerTest> servers;
  std::vector<DnsNameTest> names;
  std::vector<DnsHijackProbe> hijack;  ///< empty unless it was asked for
  bool has_hijack_test = false;        ///< it was asked for
  std::size_t servers_left_out = 0;    ///< beyond the number that is asked
};

/// Judges what came of the questions: servers that do not answer, ways that disagree, lost fragments, interception.
std::vector<Finding> judge_dns_test(const Snapshot& snapshot, const DnsTestResults& results);

}  // namespace vpndoctor
