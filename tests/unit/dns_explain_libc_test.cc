// SPDX-License-Identifier: Apache-2.0
// The way of a libc program through nsswitch.conf, and glibc with resolv.conf.
#include <gtest/gtest.h>
#include <netdb.h>

#include <algorithm>
#include <random>

#include "dns_glibc_schedule.h"
#include "unit/dns_machine.h"
#include "unit/machine.h"
#include "vpndoctor/dns_explain.h"

namespace vpndoctor {
namespace {

using namespace testing_support;
using std::chrono::milliseconds;

class Libc : public ::testing::Test {
 protected:
  Libc() : snapshot_(Machine::ordinary().snapshot()) {
    snapshot_.host_name = "pc";
    resolv_conf({"192.0.2.53"});
    services({"files", "dns"});
    HostsEntry entry;
    entry.address = *IpAddress::parse("192.0.2.7");
    entry.names = {"nas.home", "nas"};
    snapshot_.dns.hosts = {std::vector{entry}, "test"};
  }
  void resolv_conf(const std::vector<const char*>& servers, const std::vector<std::string>& search = {}) {
    snapshot_.dns.resolv_conf = {resolv_conf_of(servers, search), "test"};
  }
  void services(const std::vector<std::string>& names) {
    snapshot_.dns.name_service_switch = {name_service_switch_of(names), "test"};
  }
  void resolved(const std::vector<ResolvedScope>& scopes) { snapshot_.dns.resolved = {resolved_of(scopes), "test"}; }
  NssService& service(std::size_t index) { return snapshot_.dns.name_service_switch->hosts[index]; }
  DnsPath path(const std::string& name, std::uint16_t type = kDnsTypeA) const {
    return explain_dns_path(snapshot_, {name, type, DnsCaller::kLibc, {}});
  }
  std::vector<std::string> sent(const DnsPath& path) const {
    std::vector<std::string> sent;
    for (const DnsQuery& query : path.asked) {
      sent.push_back((query.server ? query.server->to_string() : query.protocol) + " " + query.name);
    }
    return sent;
  }
  std::vector<std::string> sent(const std::string& name, std::uint16_t type = kDnsTypeA) const {
    return sent(path(name, type));
  }

  Snapshot snapshot_;
};

using Sent = std::vector<std::string>;

TEST_F(Libc, HostsFileAnswersBeforeDns) {
  const DnsPath answer = path("NAS");
  EXPECT_EQ(answer.answered_by, "files");
  EXPECT_TRUE(answer.is_answered_here);
  EXPECT_TRUE(answer.asked.empty());
  // The lines hold no name with a dot at the end.
  EXPECT_EQ(path("nas.").answered_by, "dns");
}

TEST_F(Libc, HostsFileWithoutAnAddressOfTheFamilyLeavesItToTheNextService) {
  EXPECT_EQ(path("nas.home", kDnsTypeAaaa).answered_by, "dns");
  EXPECT_EQ(sent("nas.home", kDnsTypeAaaa), Sent({"192.0.2.53 nas.home"}));
  HostsEntry entry;
  entry.address = *IpAddress::parse("2001:db8::7");
  entry.names = {"nas.home"};
  snapshot_.dns.hosts->push_back(entry);
  EXPECT_TRUE(path("nas.home", kDnsTypeAaaa).is_answered_here);
  EXPECT_EQ(path("nas.home", kDnsTypeAaaa).answered_by, "files");
}

TEST_F(Libc, ResolvedFindsNoAddressOfTheFamilyInTheHostsFileEither) {
  services({"files", "resolve", "dns"});
  resolved({link_scope("eth0", {"192.0.2.1"}, {}, true)});
  snapshot_.dns.resolved->settings = {ResolvedSettings{}, "test"};
  const DnsPath final = path("nas.home", kDnsTypeAaaa);
  EXPECT_FALSE(final.is_answered_here);
  EXPECT_EQ(final.answered_by, "");
  EXPECT_TRUE(final.asked.empty());
  service(1).return_on_not_found = false;
  EXPECT_EQ(sent("nas.home", kDnsTypeAaaa), Sent({"192.0.2.53 nas.home"}));
}

TEST_F(Libc, AnswerThatTheWalkGoesOnAfterIsLost) {
  services({"resolve", "nosuch"});
  resolved({link_scope("eth0", {"192.0.2.1"}, {}, true)});
  snapshot_.dns.resolved->settings = {ResolvedSettings{}, "test"};
  EXPECT_TRUE(path("nas.home").is_answered_here);
  service(0).return_on_success = false;
  service(1).is_installed = false;
  EXPECT_FALSE(path("nas.home").is_answered_here);
  EXPECT_EQ(path("nas.home").answered_by, "");
}

TEST_F(Libc, HostsFileNamesAddresses) {
  EXPECT_EQ(path("7.2.0.192.in-addr.arpa", kDnsTypePtr).answered_by, "files");
  EXPECT_EQ(sent("8.2.0.192.in-addr.arpa", kDnsTypePtr), Sent{"192.0.2.53 8.2.0.192.in-addr.arpa"});
}

TEST_F(Libc, AddressesNeedNoLookup) {
  for (const char* name : {"192.0.2.1", "10", "127.1", "0x7f000001", "::1", "fe80::1%eth0"}) {
    EXPECT_TRUE(path(name).is_answered_here) << name;
    EXPECT_TRUE(path(name).asked.empty()) << name;
  }
  for (const char* name : {"1.2.3.4.5", "1.2.3.400", "1.2.3.4.", "256.1", "08.example", "0x", "4294967296", "09"}) {
    EXPECT_EQ(path(name).answered_by, "dns") << name;
  }
}

TEST_F(Libc, NumericNamesAreThoseOfGlibc) {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same names each time
  const std::string_view letters = "0012355789..xXaf:%";
  unsigned numeric = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string name;
    for (std::size_t length = 1 + random() % 12; length > 0; --length) name += letters[random() % letters.size()];
    if (name.find('%') != std::string::npos) continue;  // whether a zone is there is not asked here
    addrinfo hints{};
    hints.ai_flags = AI_NUMERICHOST;
    addrinfo* found = nullptr;
    const bool is_address = ::getaddrinfo(name.c_str(), nullptr, &hints, &found) == 0;
    if (is_address) ::freeaddrinfo(found);
    numeric += is_address ? 1 : 0;
    ASSERT_EQ(path(name).is_answered_here, is_address) << name;
  }
  EXPECT_GT(numeric, 1000U);
}

TEST_F(Libc, NamesThatAreNoHostNamesAreNotSent) {
  for (const char* name : {"a..b", "-a.example", "a b.example", "a\x1b.example", "\xc3\xa9.example"}) {
    EXPECT_TRUE(path(name).asked.empty()) << name;
    EXPECT_EQ(path(name).answered_by, "") << name;
  }
  EXPECT_EQ(sent("_a-b.example"), Sent{"192.0.2.53 _a-b.example"});
}

TEST_F(Libc, ResolvedAnswersBeforeDnsIsReached) {
  services({"files", "resolve", "dns"});
  resolved({link_scope("eth0", {"192.0.2.99"}, {}, true)});
  const DnsPath answer = path("www.example.org");
  EXPECT_EQ(answer.answered_by, "resolve");
  EXPECT_EQ(sent(answer), Sent{"192.0.2.99 www.example.org"});
}

TEST_F(Libc, MissingResolveModuleOrDaemonFallsThroughToDns) {
  services({"resolve", "dns"});
  EXPECT_EQ(path("www.example.org").answered_by, "dns");
  resolved({link_scope("eth0", {"192.0.2.99"}, {}, true)});
  service(0).is_installed = false;
  EXPECT_EQ(sent("www.example.org"), Sent{"192.0.2.53 www.example.org"});
  service(0).is_installed = true;
  snapshot_.dns.resolved->runs = false;
  EXPECT_EQ(sent("www.example.org"), Sent{"192.0.2.53 www.example.org"});
}

TEST_F(Libc, AResolvedThatIsSilentLeavesTheAnswerUncertain) {
  services({"resolve", "dns"});
  snapshot_.dns.resolved = Observed<ResolvedState>::missing("systemd-resolved cannot be asked: it did not answer");
  const DnsPath answer = path("www.example.org");
  EXPECT_NE(answer.uncertain.find("it did not answer"), std::string::npos);
  ASSERT_EQ(answer.asked.size(), 1U);
  EXPECT_EQ(answer.asked[0].only_if, "resolve is not there");
}

TEST_F(Libc, WithoutActionsDnsIsAskedWhatResolvedDoesNotFind) {
  services({"resolve", "dns"});
  service(0).return_on_not_found = service(0).return_on_try_again = false;
  resolved({link_scope("eth0", {"192.0.2.99"}, {}, true)});
  const DnsPath answer = path("www.example.org");
  EXPECT_EQ(sent(answer), (Sent{"192.0.2.99 www.example.org", "192.0.2.53 www.example.org"}));
  EXPECT_EQ(answer.answered_by, "resolve");
  EXPECT_NE(answer.asked[1].only_if, "");
}

TEST_F(Libc, ForeignResolvedLeavesLeaksUnknown) {
  services({"resolve", "dns"});
  resolved({link_scope("eth0", {"192.0.2.99"}, {}, true)});
  snapshot_.dns.resolved->foreign = "it has other links";
  const DnsPath answer = path("www.example.org");
  EXPECT_EQ(answer.leaks_to, std::nullopt);
  EXPECT_NE(answer.uncertain, "");
  EXPECT_TRUE(answer.asked.empty());
}

TEST_F(Libc, MdnsMinimalTakesTwoLabelsBelowLocalAndEndsThere) {
  services({"files", "mdns4_minimal", "dns"});
  service(1).return_on_not_found = true;
  const DnsPath answer = path("printer.local");
  ASSERT_FALSE(answer.asked.empty());
  EXPECT_EQ(answer.asked[0].protocol, "mdns");
  EXPECT_EQ(answer.answered_by, "mdns4_minimal");
  ASSERT_EQ(answer.asked.size(), 2U);  // dns, when Avahi is not there
  EXPECT_NE(answer.asked[1].only_if, "");
  EXPECT_NE(answer.uncertain, "");
  EXPECT_EQ(sent("www.corp.local"), Sent{"192.0.2.53 www.corp.local"});
  EXPECT_EQ(sent("www.example.org"), Sent{"192.0.2.53 www.example.org"});
  service(1).is_installed = false;
  EXPECT_EQ(sent("printer.local"), Sent{"192.0.2.53 printer.local"});
}

TEST_F(Libc, MyhostnameKnowsThisMachine) {
  services({"myhostname", "dns"});
  for (const char* name : {"localhost", "a.localhost", "pc", "PC."}) {
    EXPECT_EQ(path(name).answered_by, "myhostname") << name;
    EXPECT_TRUE(path(name).is_answered_here) << name;
  }
  EXPECT_EQ(path("2.2.0.192.in-addr.arpa", kDnsTypePtr).answered_by, "myhostname");
  EXPECT_EQ(path("www.example.org").answered_by, "dns");
}

TEST_F(Libc, UnknownServiceMakesTheAnswerUncertain) {
  services({"wins", "dns"});
  const DnsPath answer = path("www.example.org");
  EXPECT_NE(answer.uncertain, "");
  EXPECT_EQ(answer.answered_by, "dns");
  service(0).is_installed = false;
  EXPECT_EQ(path("www.example.org").uncertain, "");
}

TEST_F(Libc, ReturnActionEndsTheWalk) {
  services({"files", "dns"});
  service(0).return_on_not_found = true;
  EXPECT_TRUE(path("www.example.org").asked.empty());
  EXPECT_EQ(path("www.example.org").answered_by, "");
}

TEST_F(Libc, OtherTypesGoBySearchWithoutServices) {
  services({"resolve"});
  resolved({link_scope("eth0", {"192.0.2.99"}, {}, true)});
  EXPECT_EQ(sent("www.example.org", kDnsTypeMx), Sent{"192.0.2.53 www.example.org"});
}

TEST_F(Libc, MissingFacetsMakeItUncertain) {
  snapshot_.dns.name_service_switch = Observed<NameServiceSwitch>::missing("it is not readable");
  EXPECT_NE(path("www.example.org").uncertain, "");
  EXPECT_EQ(path("www.example.org").answered_by, "dns");
  services({"files", "dns"});
  snapshot_.dns.hosts = Observed<std::vector<HostsEntry>>::missing("it is not readable");
  EXPECT_NE(path("www.example.org").uncertain, "");
  EXPECT_EQ(path("www.example.org").answered_by, "dns");
}

TEST_F(Libc, NamesOfAnyBytesAreExplained) {
  services({"files", "mdns4_minimal", "resolve", "myhostname", "wins", "dns"});
  resolved({link_scope("eth0", {"192.0.2.99"}, {"~."}, true)});
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same names each time
  for (int i = 0; i < 3000; ++i) {
    std::string name(random() % 300, 'a');
    for (char& c : name) {
      if (random() % 2 == 0) c = random() % 3 == 0 ? '.' : static_cast<char>(random());
    }
    const DnsExplanation explanation = explain_dns(snapshot_, name, i % 2 == 0 ? kDnsTypeA : kDnsTypePtr, {"eth0"});
    ASSERT_EQ(explanation.paths.size(), 4U);
    for (const DnsPath& each : explanation.paths) {
      for (const DnsQuery& query : each.asked) ASSERT_LE(query.name.size(), 300U);
    }
  }
}

TEST_F(Libc, SearchListIsTriedWithEveryServer) {
  resolv_conf({"192.0.2.53", "192.0.2.54"}, {"corp.example"});
  EXPECT_EQ(sent("git"),
            (Sent{"192.0.2.53 git.corp.example", "192.0.2.54 git.corp.example", "192.0.2.53 git", "192.0.2.54 git"}));
  EXPECT_EQ(sent("git.lab").front(), "192.0.2.53 git.lab");
  EXPECT_EQ(sent("git."), (Sent{"192.0.2.53 git", "192.0.2.54 git"}));
  EXPECT_EQ(path("git").asked[0].only_if, "");
}

TEST_F(Libc, FirstServerWithoutRouteCostsNothing) {
  Machine machine;
  machine.link("eth0").address("eth0", "192.0.2.2/24");
  Snapshot routes = machine.snapshot();
  routes.dns = snapshot_.dns;
  snapshot_ = std::move(routes);
  resolv_conf({"10.66.0.1", "192.0.2.53"});
  const DnsPath answer = path("www.example.org");
  EXPECT_EQ(sent(answer), Sent{"192.0.2.53 www.example.org"});
  EXPECT_EQ(answer.asked[0].only_if, "");
}

TEST_F(Libc, SilentFirstServerDelaysByItsTimeout) {
  resolv_conf({"192.0.2.53", "192.0.2.54", "192.0.2.55"});
  EXPECT_EQ(path("www.example.org").delay_if_first_is_silent, milliseconds(5000));
  snapshot_.dns.resolv_conf->timeout_seconds = 1;
  EXPECT_EQ(path("www.example.org").delay_if_first_is_silent, milliseconds(1000));
  resolv_conf({"192.0.2.53"});
  EXPECT_EQ(path("www.example.org").delay_if_first_is_silent, milliseconds(10000));
}

TEST_F(Libc, ServerBehindACableThatIsOutIsKnownToBeSilent) {
  Machine machine;
  machine.link("eth0").address("eth0", "192.0.2.2/24").link("eth1", "", kLinkUp).address("eth1", "198.51.100.2/24");
  Snapshot routes = machine.snapshot();
  routes.dns = snapshot_.dns;
  snapshot_ = std::move(routes);
  resolv_conf({"198.51.100.1", "192.0.2.53"});
  const DnsPath answer = path("www.example.org");
  ASSERT_FALSE(answer.notes.empty());
  EXPECT_EQ(answer.notes[0],
            "This answer takes 5 s because 198.51.100.1 is reached through eth1, which has no carrier.");
}

TEST_F(Libc, VpnServerBehindTheFirstIsNotAskedAfterNxdomain) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").address("tun0", "10.66.0.2/24");
  Snapshot routes = machine.snapshot();
  routes.dns = snapshot_.dns;
  snapshot_ = std::move(routes);
  const auto is_said = [this] {
    const DnsPath answer = path("www.example.org");
    const auto names_it = [](const std::string& note) { return note.find("that is final") != std::string::npos; };
    return std::ranges::any_of(answer.notes, names_it);
  };
  resolv_conf({"192.0.2.53", "10.66.0.1"});
  EXPECT_TRUE(is_said());
  resolv_conf({"10.66.0.1", "192.0.2.53"});
  EXPECT_FALSE(is_said());
}

TEST(GlibcWait, DoublesWithTheServerAndIsShared) {
  ResolvConf conf = resolv_conf_of({"192.0.2.1", "192.0.2.2", "192.0.2.3"});
  EXPECT_EQ(glibc_wait(conf, 0).count(), 5);
  EXPECT_EQ(glibc_wait(conf, 1).count(), 3);  // 5 * 2 / 3
  EXPECT_EQ(glibc_wait(conf, 2).count(), 6);  // 5 * 4 / 3
  conf.timeout_seconds = 0;
  EXPECT_EQ(glibc_wait(conf, 0).count(), 1);
  conf.timeout_seconds = 0xffffffff;
  EXPECT_GT(glibc_wait(conf, 100).count(), 1);
}

TEST(GlibcPlay, MeasuredTimesComeOut) {
  const auto took = [](const ResolvConf& conf, const std::vector<GlibcOutcome>& outcomes) {
    const auto servers = [&](std::size_t server, const std::string&) { return outcomes[server]; };
    return play_glibc(conf, glibc_names(conf, "a.example", true), servers).took;
  };
  const ResolvConf three = resolv_conf_of({"192.0.2.1", "192.0.2.2", "192.0.2.3"});
  const ResolvConf one = resolv_conf_of({"192.0.2.1"});
  using enum GlibcOutcome;
  EXPECT_EQ(took(three, {kSilent, kSilent, kAnswer}), milliseconds(8000));
  EXPECT_EQ(took(three, {kServerFailure, kAnswer, kAnswer}), milliseconds(0));
  EXPECT_EQ(took(three, {kPortClosed, kSilent, kAnswer}), milliseconds(3000));
  EXPECT_EQ(took(one, {kSilent}), milliseconds(10000));
}

TEST(GlibcPlay, AbsurdConfigurationEnds) {
  ResolvConf conf;
  for (int i = 0; i < 1000; ++i) conf.used_servers.push_back(dns_server("192.0.2.1"));
  for (int i = 0; i < 100000; ++i) conf.used_search.push_back("s" + std::to_string(i) + ".example");
  conf.attempts = conf.timeout_seconds = conf.ndots = 0xffffffff;
  const auto silent = [](std::size_t, const std::string&) { return GlibcOutcome::kServerFailure; };
  EXPECT_LT(play_glibc(conf, glibc_names(conf, "a", true), silent).attempts.size(), 2000U);
}

}  // namespace
}  // namespace vpndoctor
