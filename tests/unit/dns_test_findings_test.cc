// SPDX-License-Identifier: Apache-2.0
// What is concluded from a test of DNS servers: each finding where its conditions hold, and not where one is missing.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "dns_machine.h"
#include "vpndoctor/dns_message.h"
#include "vpndoctor/dns_test.h"

namespace vpndoctor {
namespace {

using testing_support::dns_domain;
using testing_support::dns_server;
using testing_support::resolv_conf_of;

DnsExchange answered(unsigned rcode = kDnsNoError, std::uint32_t bytes = 100) {
  DnsExchange exchange;
  exchange.outcome = DnsOutcome::kAnswered;
  exchange.rcode = rcode;
  exchange.rtt = Milliseconds(3);
  exchange.reply_bytes = bytes;
  exchange.sent = 1;
  return exchange;
}

DnsExchange silent() {
  DnsExchange exchange;
  exchange.outcome = DnsOutcome::kSilent;
  exchange.reason = "no answer";
  exchange.sent = 2;
  return exchange;
}

/// A scope's server that answers everything.
DnsServerTest server_of(const char* address, const std::string& interface,
                        const std::vector<const char*>& domains = {}) {
  DnsServerTest server;
  server.server = dns_server(address);
  server.scope = server.interface = interface;
  server.udp = server.udp_plain = server.tcp = answered();
  server.tcp.transport = DnsTransport::kTcp;
  for (const char* domain : domains) server.domains.push_back(dns_domain(domain));
  server.default_route = domains.empty();
  return server;
}

DnsServerTest dead(DnsServerTest server) {
  server.udp = server.udp_plain = server.tcp = silent();
  return server;
}

DnsWayAnswer way(const std::string& name, const std::string& status, const std::vector<std::string>& addresses = {},
                 const std::string& scope = {}) {
  DnsWayAnswer answer;
  answer.way = name;
  answer.scope = scope;
  answer.outcome = DnsOutcome::kAnswered;
  answer.status = status;
  answer.addresses = addresses;
  return answer;
}

/// The codes with their severities: "DNS031 error".
std::vector<std::string> judged(const DnsTestResults& results, const Snapshot& snapshot = {}) {
  std::vector<std::string> codes;
  for (const Finding& finding : judge_dns_test(snapshot, results)) {
    codes.push_back(finding.code + " " + severity_name(finding.severity));
    EXPECT_FALSE(finding.title.empty() || finding.detail.empty() || finding.evidence.empty()) << finding.code;
  }
  return codes;
}

using Codes = std::vector<std::string>;

TEST(DnsTestFindings, NothingIsSaidWhenAllAnswer) {
  DnsTestResults results;
  results.servers = {server_of("192.0.2.1", "lan0"), server_of("10.8.0.1", "tun0", {"~corp.example"})};
  EXPECT_EQ(judged(results), Codes{});
}

TEST(DnsTestFindings, AServerIsDeadWhenNothingOfItAnswers) {
  const DnsServerTest lan = server_of("192.0.2.1", "lan0");
  EXPECT_EQ(judged({{dead(lan)}, {}, {}, false, 0}), Codes{"DNS031 error"});
  DnsServerTest neighbour = server_of("192.0.2.3", "lan0");
  EXPECT_EQ(judged({{dead(lan), neighbour}, {}, {}, false, 0}), Codes{"DNS031 warning"});
  for (const auto member : {&DnsServerTest::udp, &DnsServerTest::udp_plain, &DnsServerTest::tcp}) {
    DnsServerTest partly = dead(lan);
    partly.*member = answered();
    EXPECT_EQ(judged({{partly}, {}, {}, false, 0}), Codes{});
  }
  // A forwarder that waits for others answers for "localhost".
  DnsServerTest waits = dead(lan);
  waits.control = answered();
  EXPECT_EQ(judged({{waits}, {}, {}, false, 0}), Codes{});
  waits.control = silent();
  EXPECT_EQ(judged({{waits}, {}, {}, false, 0}), Codes{"DNS031 error"});
  DnsServerTest not_asked = lan;
  not_asked.udp = not_asked.udp_plain = not_asked.tcp = {};
  EXPECT_EQ(judged({{not_asked}, {}, {}, false, 0}), Codes{});
}

TEST(DnsTestFindings, ADeadServerIsToldOnceWhateverScopesItHas) {
  EXPECT_EQ(judged({{dead(server_of("192.0.2.1", "lan0")), dead(server_of("192.0.2.1", "lan1"))}, {}, {}, false, 0}),
            Codes{"DNS031 error"});
}

/// The title's delay for a resolv.conf whose servers are dead as told.
std::string delay_title(const std::vector<bool>& is_dead, unsigned timeout) {
  Snapshot snapshot;
  ResolvConf conf = resolv_conf_of({"10.0.0.1", "10.0.0.2", "10.0.0.3"});
  conf.used_servers.resize(is_dead.size());
  conf.timeout_seconds = timeout;
  snapshot.dns.resolv_conf = Observed<ResolvConf>(conf, "a test");
  DnsTestResults results;
  for (std::size_t i = 0; i < is_dead.size(); ++i) {
    DnsServerTest server = server_of(conf.used_servers[i].to_string().c_str(), "");
    server.scope = "resolv.conf";
    server.resolv_conf_index = i;
    results.servers.push_back(is_dead[i] ? dead(server) : server);
  }
  const auto findings = judge_dns_test(snapshot, results);
  return findings.empty() ? "" : findings.front().title;
}

TEST(DnsTestFindings, TheDelayOfADeadFirstServerIsGlibcs) {
  // Measured with glibc 2.36: 5.01 s, and 8.02 s (5 + 10/3) behind two dead ones of three.
  EXPECT_NE(delay_title({true, false}, 5).find("5.0 s longer"), std::string::npos);
  EXPECT_NE(delay_title({true, true, false}, 5).find("8.0 s longer"), std::string::npos);
  EXPECT_NE(delay_title({true, false}, 1).find("1.0 s longer"), std::string::npos);
  EXPECT_EQ(delay_title({false, true}, 5).find("longer"), std::string::npos);
}

DnsServerTest with_ladder(const std::vector<std::pair<std::uint16_t, bool>>& rungs) {
  DnsServerTest server = server_of("10.8.0.1", "tun0");
  server.tcp = answered(kDnsNoError, 1866);
  for (const auto& [size, works] : rungs) {
    server.ladder.push_back(works ? answered() : silent());
    server.ladder.back().edns_bytes = size;
    if (works) server.largest_edns_bytes = std::max(server.largest_edns_bytes.value_or(0), size);
  }
  return server;
}

TEST(DnsTestFindings, FragmentsAreLostWhenOnlyTheLargeSizeIsSilentTwice) {
  DnsServerTest lost = with_ladder({{4096, false}, {1452, true}, {1232, true}, {512, true}});
  EXPECT_EQ(judged({{lost}, {}, {}, false, 0}), Codes{"DNS032 warning"});
  DnsServerTest once = lost;
  once.ladder[0].sent = 1;
  EXPECT_EQ(judged({{once}, {}, {}, false, 0}), Codes{});
  DnsServerTest no_tcp = lost;
  no_tcp.tcp = answered();
  no_tcp.tcp.outcome = DnsOutcome::kNotAsked;
  EXPECT_EQ(judged({{no_tcp}, {}, {}, false, 0}), Codes{});
  EXPECT_EQ(judged({{with_ladder({{4096, true}, {1452, false}, {1232, true}, {512, true}})}, {}, {}, false, 0}),
            Codes{});
  EXPECT_EQ(judged({{with_ladder({{4096, false}, {1452, false}, {1232, false}, {512, false}})}, {}, {}, false, 0}),
            Codes{});
}

TEST(DnsTestFindings, TcpIsMissedOnlyByLargeAnswers) {
  DnsServerTest server = server_of("10.8.0.1", "tun0");
  server.tcp = silent();
  EXPECT_EQ(judged({{server}, {}, {}, false, 0}), Codes{});
  server.udp.reply_bytes = 900;
  EXPECT_EQ(judged({{server}, {}, {}, false, 0}), Codes{"DNS036 warning"});
  server.udp_plain.truncated = true;
  EXPECT_EQ(judged({{server}, {}, {}, false, 0}), Codes{"DNS036 error"});
  server.tcp = answered();
  EXPECT_EQ(judged({{server}, {}, {}, false, 0}), Codes{});
}

TEST(DnsTestFindings, AnAnswerFromNobodyIsAnInterceptionAndSilenceIsNothing) {
  DnsTestResults results;
  results.hijack = {{silent(), "lan0", false}};
  EXPECT_EQ(judged(results), Codes{});
  results.hijack = {{answered(kDnsRefused), "lan0", false}, {answered(), "lan0", false}};
  EXPECT_EQ(judged(results), Codes{"DNS033 warning"});
  results.hijack = {{answered(), "tun0", true}};
  EXPECT_EQ(judged(results), Codes{"DNS033 notice"});
}

TEST(DnsTestFindings, TwoAnswersToOneQuestionAreAnInjection) {
  DnsServerTest server = server_of("10.8.0.1", "tun0");
  server.udp_plain.other_answers = 1;
  server.udp_plain.other_texts = {"203.0.113.7, IP TTL 60, after 9.0 ms"};
  EXPECT_EQ(judged({{server}, {}, {}, false, 0}), Codes{"DNS034 error"});
}

/// A machine with systemd-resolved: the LAN for everything, the tunnel for corp.example.
Codes judged_split(const std::vector<DnsWayAnswer>& ways, const std::string& name = "git.corp.example",
                   const Snapshot& snapshot = {}) {
  DnsTestResults results;
  results.servers = {server_of("192.0.2.1", "lan0"), server_of("10.8.0.1", "tun0", {"~corp.example"})};
  results.names = {{name, kDnsTypeA, ways}};
  return judged(results, snapshot);
}

TEST(DnsTestFindings, SplitDnsIsNoDisagreement) {
  EXPECT_EQ(judged_split({way("libc", "NOERROR", {"10.1.1.1"}), way("stub", "NOERROR", {"10.1.1.1"}),
                          way("192.0.2.1", "NXDOMAIN", {}, "lan0"), way("10.8.0.1", "NOERROR", {"10.1.1.1"}, "tun0")}),
            Codes{});
  EXPECT_EQ(judged_split({way("libc", "NOERROR", {"203.0.113.5"}), way("192.0.2.1", "NOERROR", {"203.0.113.5"}, "lan0"),
                          way("10.8.0.1", "REFUSED", {}, "tun0")},
                         "www.example.org"),
            Codes{});
}

TEST(DnsTestFindings, NslookupWorksButPingDoesNot) {
  const DnsWayAnswer knows = way("10.8.0.1", "NOERROR", {"10.1.1.1"}, "tun0");
  EXPECT_EQ(judged_split({way("libc", "EAI_NONAME"), knows}), Codes{"DNS030 error"});
  EXPECT_EQ(judged_split({way("libc", "EAI_AGAIN"), knows}), Codes{"DNS030 error"});
  DnsWayAnswer hangs = way("libc", "");
  hangs.outcome = DnsOutcome::kSilent;
  EXPECT_EQ(judged_split({hangs, knows}), Codes{"DNS030 error"});
  hangs.outcome = DnsOutcome::kNotAsked;
  EXPECT_EQ(judged_split({hangs, knows}), Codes{});
  EXPECT_EQ(judged_split({way("libc", "EAI_NONAME"), way("stub", "NOERROR", {"10.1.1.1"})}), Codes{"DNS030 error"});
  // The only server that knows it is not one for this name.
  EXPECT_EQ(judged_split({way("libc", "EAI_NONAME"), knows}, "www.example.org"), Codes{});
}

TEST(DnsTestFindings, PingWorksButNslookupDoesNot) {
  const DnsWayAnswer denies = way("10.8.0.1", "NXDOMAIN", {}, "tun0");
  const DnsWayAnswer libc = way("libc", "NOERROR", {"10.1.1.1"});
  EXPECT_EQ(judged_split({libc, denies}), Codes{"DNS030 warning"});
  Snapshot snapshot;
  snapshot.dns.hosts =
      Observed<std::vector<HostsEntry>>({{*IpAddress::parse("10.1.1.1"), {}, {"git.corp.example"}}}, "");
  EXPECT_EQ(judged_split({libc, denies}, "git.corp.example", snapshot), Codes{"DNS030 notice"});
  EXPECT_EQ(judged_split({libc, way("stub", "NOERROR", {"10.1.1.1"}), denies}, "git.corp.example", snapshot),
            Codes{"DNS030 notice"});
  // A short name is found with the search list.
  EXPECT_EQ(judged_split({libc, way("192.0.2.1", "NXDOMAIN", {}, "lan0")}, "git"), Codes{});
}

TEST(DnsTestFindings, AddressesThatDifferMatterWhenOneIsPrivate) {
  EXPECT_EQ(
      judged_split({way("libc", "NOERROR", {"203.0.113.5"}), way("10.8.0.1", "NOERROR", {"203.0.113.9"}, "tun0")}),
      Codes{"DNS030 notice"});
  EXPECT_EQ(judged_split({way("libc", "NOERROR", {"203.0.113.5"}), way("10.8.0.1", "NOERROR", {"10.1.1.1"}, "tun0")}),
            Codes{"DNS030 warning"});
  EXPECT_EQ(judged_split({way("libc", "NOERROR", {"203.0.113.5", "203.0.113.6"}),
                          way("10.8.0.1", "NOERROR", {"203.0.113.6", "203.0.113.9"}, "tun0")}),
            Codes{});
}

TEST(DnsTestFindings, TwoServersForOneNameThatContradictEachOther) {
  DnsTestResults results;
  results.servers = {server_of("10.8.0.1", "tun0", {"~corp.example"}), server_of("10.9.0.1", "tun1", {"corp.example"})};
  results.names = {{"git.corp.example",
                    kDnsTypeA,
                    {way("libc", "NOERROR", {"10.1.1.1"}), way("10.8.0.1", "NOERROR", {"10.1.1.1"}, "tun0"),
                     way("10.9.0.1", "NXDOMAIN", {}, "tun1")}}};
  EXPECT_EQ(judged(results), Codes{"DNS030 warning"});
}

/// resolv.conf with two servers; the second is the VPN's.
Codes judged_pair(const std::string& first, const std::string& second, const std::string& libc) {
  DnsTestResults results;
  for (const char* address : {"192.0.2.1", "10.8.0.1"}) {
    results.servers.push_back(server_of(address, ""));
    results.servers.back().scope = "resolv.conf";
    results.servers.back().resolv_conf_index = results.servers.size() - 1;
  }
  const auto answer = [](const std::string& who, const std::string& status, const std::string& scope) {
    return way(who, status, status == "NOERROR" ? Codes{"10.1.1.1"} : Codes{}, scope);
  };
  results.names = {{"git.corp.example",
                    kDnsTypeA,
                    {answer("libc", libc, ""), answer("192.0.2.1", first, "resolv.conf"),
                     answer("10.8.0.1", second, "resolv.conf")}}};
  return judged(results);
}

TEST(DnsTestFindings, NoSuchNameOfTheFirstServerHidesTheOthers) {
  EXPECT_EQ(judged_pair("NXDOMAIN", "NOERROR", "EAI_NONAME"), Codes{"DNS035 error"});
  EXPECT_EQ(judged_pair("NXDOMAIN", "NXDOMAIN", "EAI_NONAME"), Codes{});
  EXPECT_EQ(judged_pair("NOERROR", "NXDOMAIN", "NOERROR"), Codes{"DNS030 warning"});
  // SERVFAIL makes glibc go on.
  EXPECT_EQ(judged_pair("SERVFAIL", "NOERROR", "NOERROR"), Codes{});
  EXPECT_EQ(judged_pair("NOERROR", "NOERROR", "NOERROR"), Codes{});
}

}  // namespace
}  // namespace vpndoctor
