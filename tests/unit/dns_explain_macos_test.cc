// SPDX-License-Identifier: Apache-2.0
// Whom macOS asks for a name: against mDNSResponder's choice, written down a second time as it goes about it (a list of
// servers, those that are valid for a question, the best of them, the next when that one is silent).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <list>

#include "golden.h"
#include "macos_dns_dump.h"
#include "vpndoctor/dns_explain.h"
#include "vpndoctor/dns_overview.h"
#include "vpndoctor/macos_text.h"
#include "vpndoctor/snapshot_store.h"

namespace vpndoctor {
namespace {

using Section = MacosResolver::Section;
using Texts = std::vector<std::string>;

/// The labels of a name, the last one first; none for the root.
Texts labels_from_the_end(const std::string& name) {
  Texts labels;
  std::string label;
  for (const char c : name) {
    if (c != '.') {
      label += c;
      continue;
    }
    labels.insert(labels.begin(), label);
    label.clear();
  }
  if (!label.empty()) labels.insert(labels.begin(), label);
  return labels;
}

/// mDNSResponder's list of servers, and how it picks from it.
class Responder {
 public:
  Responder(const MacosDns& dns, const std::string& interface) {
    std::vector<const MacosResolver*> sorted;
    for (const MacosResolver& each : dns.resolvers) {
      const bool wanted = interface.empty() ? each.section == Section::kUnscoped
                                            : each.section == Section::kScoped && each.interface == interface;
      if (!wanted) continue;
      auto place = sorted.end();
      while (place != sorted.begin() && (*(place - 1))->order > each.order) --place;
      sorted.insert(place, &each);
    }
    for (const MacosResolver* each : sorted) add(*each);
  }

  /// "server interface" in the order in which they are asked, each after the one before was silent.
  Texts ask(const std::string& name, std::uint16_t type) {
    Texts asked;
    std::list<Server> valid;
    int best = -1;
    for (const Server& server : servers_) {
      const int better = better_match(name, server.domain, best);
      if (better < 0) continue;
      if (better > 0) valid.clear();
      best = static_cast<int>(server.domain.size());
      valid.push_back(server);
    }
    const bool multicast = is_multicast(name, best);
    if (multicast) asked.emplace_back("multicast");
    if (multicast && !is_legacy(name, type)) return asked;
    if (!valid.empty() && !wants(valid.front(), type)) return asked;
    for (; !valid.empty(); valid.pop_front()) {  // a silent one goes to the penalty box
      if (wants(valid.front(), type)) asked.push_back(valid.front().text);
    }
    return asked;
  }

  Texts names(const std::string& typed) const {
    Texts all;
    if (labels_from_the_end(typed).size() == 1) {
      for (const std::string& domain : search_) all.push_back(typed + "." + domain);
    }
    all.push_back(typed);
    return all;
  }

 private:
  struct Server {
    std::string text;
    Texts domain;
    bool a = false;
    bool aaaa = false;
  };

  static bool has_flag(const MacosResolver& each, const std::string& flag) {
    return std::find(each.flags.begin(), each.flags.end(), flag) != each.flags.end();
  }
  static bool wants(const Server& server, std::uint16_t type) {
    return type == kDnsTypeA ? server.a : type == kDnsTypeAaaa ? server.aaaa : true;
  }

  void add(const MacosResolver& each) {
    if (search_.empty() && each.domain.empty()) search_ = each.search;
    if (each.port == 5353 || each.options == "mdns") {
      if (!each.domain.empty()) multicast_.push_back(labels_from_the_end(each.domain));
      return;
    }
    for (const DnsServer& server : each.servers) {
      const std::string text = server.to_string() + " " + each.interface;
      const Texts domain = labels_from_the_end(each.domain);
      const bool known = std::any_of(servers_.begin(), servers_.end(), [&](const Server& other) {
        return other.text == text && other.domain == domain && (other.a || !has_flag(each, "Request A records")) &&
               (other.aaaa || !has_flag(each, "Request AAAA records"));
      });
      if (!known) {
        servers_.push_back({text, domain, has_flag(each, "Request A records"), has_flag(each, "Request AAAA records")});
      }
    }
  }

  /// -1: worse than the best so far, or no match; 0: as good; 1: better (BetterMatchForName()).
  static int better_match(const std::string& name, const Texts& domain, int best) {
    const Texts labels = labels_from_the_end(name);
    const auto length = static_cast<int>(domain.size());
    if (length < best || labels.size() < domain.size()) return -1;
    if (!std::equal(domain.begin(), domain.end(), labels.begin())) return -1;
    return length > best ? 1 : 0;
  }

  bool is_multicast(const std::string& name, int best) const {
    if (labels_from_the_end(name).front() == "local") return true;
    return std::any_of(multicast_.begin(), multicast_.end(),
                       [&](const Texts& domain) { return better_match(name, domain, best) >= 0; });
  }

  bool is_legacy(const std::string& name, std::uint16_t type) const {
    const Texts labels = labels_from_the_end(name);
    if (labels.front() != "local" || (type != kDnsTypeA && type != kDnsTypeAaaa)) return false;
    if (labels.size() > 2) return true;
    return std::any_of(search_.begin(), search_.end(), [&](const std::string& domain) {
      const Texts of_domain = labels_from_the_end(domain);
      return of_domain.front() == "local" && better_match(name, of_domain, -1) > 0;
    });
  }

  std::list<Server> servers_;
  std::vector<Texts> multicast_;
  Texts search_;
};

Snapshot snapshot_of(MacosDns dns) {
  Snapshot snapshot;
  snapshot.platform = Platform::kMacos;
  snapshot.dns.macos = Observed<MacosDns>(std::move(dns), "test");
  return snapshot;
}

/// "name: server interface" of every query, without what another query of the same name already said.
Texts asked_in_words(const DnsPath& path) {
  Texts words;
  for (const DnsQuery& query : path.asked) {
    words.push_back(query.name + ": " +
                    (query.server ? query.server->to_string() + " " + query.interface : "multicast"));
  }
  return words;
}

Texts without_repetition(const Texts& list) {
  Texts once;
  for (const std::string& each : list) {
    if (std::find(once.begin(), once.end(), each) == once.end()) once.push_back(each);
  }
  return once;
}

TEST(MacosExplanation, AgreesWithMdnsResponder) {
  std::size_t asked_somebody = 0;
  for (std::uint64_t seed = 0; seed < 30000; ++seed) {
    std::mt19937_64 random(seed);
    const MacosDns dns = testing_support::random_macos_dns(random);
    const std::string name = testing_support::random_macos_name(random);
    const std::uint16_t type = std::array{kDnsTypeA, kDnsTypeAaaa, kDnsTypeTxt}[random() % 3];
    const std::string interface = random() % 2 == 0 ? "" : "utun4";
    const auto prints = [](const MacosResolver& each) {
      return std::any_of(each.flags.begin(), each.flags.end(),
                         [](const std::string& flag) { return flag.starts_with("Request"); });
    };
    if (std::none_of(dns.resolvers.begin(), dns.resolvers.end(), prints)) continue;  // of a release before 10.7
    Responder responder(dns, interface);
    Texts expected;
    for (const std::string& each : responder.names(name)) {
      for (const std::string& server : responder.ask(each, type)) expected.push_back(each + ": " + server);
    }
    const DnsPath path = explain_macos(
        snapshot_of(dns), {name, type, interface.empty() ? DnsCaller::kLibc : DnsCaller::kBound, interface});
    ASSERT_EQ(asked_in_words(path), without_repetition(expected))
        << "seed " << seed << ", " << name << ", type " << type << ", bound to '" << interface << "'\n"
        << testing_support::print_scutil_dns(dns);
    asked_somebody += expected.empty() ? 0 : 1;
  }
  EXPECT_GT(asked_somebody, 10000U);
}

MacosDns sample(const std::string& name) {
  std::ifstream file(testing_support::source_file("tests/data/macos/" + name), std::ios::binary);
  return parse_macos_scutil_dns(std::string(std::istreambuf_iterator<char>(file), {})).value();
}

DnsPath explained(const MacosDns& dns, const std::string& name, std::uint16_t type = kDnsTypeA) {
  return explain_dns_path(snapshot_of(dns), {.name = name, .type = type, .caller = DnsCaller::kLibc, .interface = {}});
}
DnsPath bound(const MacosDns& dns, const std::string& name, const std::string& interface) {
  return explain_dns_path(snapshot_of(dns),
                          {.name = name, .type = kDnsTypeA, .caller = DnsCaller::kBound, .interface = interface});
}

const DnsCandidate& candidate(const DnsPath& path, const std::string& scope) {
  const auto found = std::find_if(path.candidates.begin(), path.candidates.end(),
                                  [&](const DnsCandidate& each) { return each.scope == scope; });
  static const DnsCandidate kNone;
  EXPECT_NE(found, path.candidates.end()) << scope;
  return found == path.candidates.end() ? kNone : *found;
}

bool has_note(const DnsPath& path, const std::string& words) {
  return std::any_of(path.notes.begin(), path.notes.end(),
                     [&](const std::string& note) { return note.contains(words); });
}

TEST(MacosExplanation, AVpnThatIsSilentLosesTheNameToTheNetwork) {
  const DnsPath path = explained(sample("dns/full-tunnel.txt"), "www.example.org");
  ASSERT_EQ(path.asked.size(), 4U);
  EXPECT_EQ(path.answered_by, "10.7.0.53");
  EXPECT_EQ(path.asked[0].only_if, "");
  EXPECT_EQ(path.asked[0].interface, "utun8");
  EXPECT_EQ(path.asked[2].only_if, "fd00:7::53 does not answer");
  EXPECT_FALSE(path.parallel);
  ASSERT_TRUE(path.leaks_to.has_value());
  EXPECT_EQ(*path.leaks_to, (Texts{"2001:db8:1::1", "192.0.2.1"}));
  EXPECT_TRUE(has_note(path, "outside it"));
  EXPECT_TRUE(has_note(path, "bound to en0"));
  EXPECT_TRUE(candidate(path, "resolver #1").chosen);
  EXPECT_TRUE(candidate(path, "resolver #2").chosen) << "it is as good, and asked later";
  EXPECT_FALSE(candidate(path, "scoped resolver #1").chosen);
  EXPECT_NE(path.uncertain, "") << "encrypted DNS does not show";
}

TEST(MacosExplanation, ASplitTunnelTakesItsNamesAlone) {
  const MacosDns dns = sample("split/scutil-dns.txt");
  const DnsPath inside = explained(dns, "git.corp.example");
  EXPECT_EQ(asked_in_words(inside), (Texts{"git.corp.example: 10.7.0.53 utun4", "git.corp.example: 10.7.0.54 utun4",
                                           "git.corp.example: 192.0.2.7 en0"}));
  EXPECT_EQ(candidate(inside, "resolver #2").matched_domain, "corp.example");
  EXPECT_EQ(candidate(inside, "resolver #2").score, (DnsScore{DnsScore::Rank::kYes, 2}));
  EXPECT_EQ(candidate(inside, "resolver #1").score, (DnsScore{DnsScore::Rank::kYes, 0}));
  EXPECT_FALSE(candidate(inside, "resolver #1").chosen);
  EXPECT_EQ(*inside.leaks_to, Texts{"192.0.2.7"});
  const DnsPath outside = explained(dns, "www.example.org");
  EXPECT_EQ(asked_in_words(outside), Texts{"www.example.org: 192.0.2.1 en0"});
  EXPECT_EQ(*outside.leaks_to, Texts());
  EXPECT_FALSE(has_note(outside, "outside it"));
  EXPECT_FALSE(has_note(outside, "bound"));
}

TEST(MacosExplanation, AProgramThatIsBoundDoesNotSeeTheVpn) {
  const MacosDns dns = sample("split/scutil-dns.txt");
  const DnsPath path = bound(dns, "git.corp.example", "en0");
  EXPECT_EQ(asked_in_words(path), Texts{"git.corp.example: 192.0.2.1 en0"});
  EXPECT_EQ(*path.leaks_to, Texts{"192.0.2.1"});
  EXPECT_TRUE(has_note(path, "works in Safari"));
  EXPECT_FALSE(has_note(bound(dns, "www.example.org", "en0"), "works in Safari"));
  const DnsPath nobody = bound(dns, "git.corp.example", "en7");
  EXPECT_TRUE(nobody.asked.empty());
  EXPECT_EQ(nobody.steps.size(), 1U);
}

TEST(MacosExplanation, TheSearchListIsForSingleLabelsWithoutADot) {
  const MacosDns dns = sample("split/scutil-dns.txt");
  EXPECT_EQ(asked_in_words(explained(dns, "nas")),
            (Texts{"nas.home.example: 192.0.2.1 en0", "nas.corp.example: 10.7.0.53 utun4",
                   "nas.corp.example: 10.7.0.54 utun4", "nas.corp.example: 192.0.2.7 en0", "nas: 192.0.2.1 en0"}));
  EXPECT_EQ(explained(dns, "nas").asked[1].only_if, "nas.home.example does not exist");
  EXPECT_EQ(asked_in_words(explained(dns, "nas.")), Texts{"nas: 192.0.2.1 en0"});
  EXPECT_EQ(asked_in_words(explained(dns, "a.b")), Texts{"a.b: 192.0.2.1 en0"});
}

TEST(MacosExplanation, LocalNamesGoByMulticastAndLongOnesAlsoToAServer) {
  const MacosDns dns = sample("split/scutil-dns.txt");
  const DnsPath two = explained(dns, "printer.local");
  EXPECT_EQ(asked_in_words(two), Texts{"printer.local: multicast"});
  EXPECT_EQ(two.answered_by, "multicast DNS");
  EXPECT_TRUE(candidate(two, "resolver #7").chosen);
  const DnsPath three = explained(dns, "dc.corp.local");
  EXPECT_EQ(asked_in_words(three), (Texts{"dc.corp.local: multicast", "dc.corp.local: 192.0.2.1 en0"}));
  EXPECT_TRUE(three.parallel);
  EXPECT_EQ(explained(dns, "dc.corp.local", kDnsTypeMx).asked.size(), 1U);
  EXPECT_EQ(asked_in_words(explained(dns, "7.3.254.169.in-addr.arpa", kDnsTypePtr)),
            Texts{"7.3.254.169.in-addr.arpa: multicast"});
}

TEST(MacosExplanation, ATypeThatTheEntryDoesNotRequestIsNotAsked) {
  MacosDns dns = sample("dns/old-release.txt");
  EXPECT_EQ(explained(dns, "www.example.org").asked.size(), 1U);
  const DnsPath path = explained(dns, "www.example.org", kDnsTypeAaaa);
  EXPECT_TRUE(path.asked.empty());
  EXPECT_EQ(path.steps.size(), 1U);
  for (MacosResolver& each : dns.resolvers) each.flags.clear();
  EXPECT_EQ(explained(dns, "www.example.org", kDnsTypeAaaa).asked.size(), 1U) << "releases that print no such flag";
}

TEST(MacosExplanation, WhatCannotAnswerIsNamed) {
  const MacosDns dns = sample("split/scutil-dns.txt");
  EXPECT_TRUE(has_note(explained(dns, "a.old.example"), "which is gone"));
  EXPECT_EQ(asked_in_words(explained(dns, "a.ts.example")), Texts{"a.ts.example: 192.0.2.1 en0"})
      << "an entry without a server takes nothing";
  EXPECT_EQ(asked_in_words(explained(dns, "a.docker.example")), Texts{"a.docker.example: 127.0.0.1:5300 "});
}

TEST(MacosExplanation, MulticastIsLiveThoughNoServerOfItIsReachable) {
  const DnsOverview overview = overview_of_dns(snapshot_of(sample("split/scutil-dns.txt")));
  const auto life = [&](const std::string& id) {
    const auto found = std::ranges::find(overview.scopes, id, &DnsScopeView::id);
    return found == overview.scopes.end() ? std::optional<bool>() : found->live;
  };
  EXPECT_EQ(life("resolver #7"), true);
  EXPECT_EQ(life("resolver #5"), false) << "its interface is gone";
}

TEST(MacosExplanation, DigReadsResolvConfAlone) {
  Snapshot snapshot = snapshot_of(sample("split/scutil-dns.txt"));
  const DnsQuestion question{
      .name = "git.corp.example", .type = kDnsTypeA, .caller = DnsCaller::kDirect, .interface = {}};
  const DnsPath guessed = explain_dns_path(snapshot, question);
  EXPECT_EQ(asked_in_words(guessed), Texts{"git.corp.example: 192.0.2.1 "});
  EXPECT_NE(guessed.uncertain, "");
  EXPECT_TRUE(has_note(guessed, "dscacheutil"));
  ResolvConf file;
  file.exists = true;
  file.used_servers = {*DnsServer::parse("198.51.100.1")};
  snapshot.dns.resolv_conf = Observed<ResolvConf>(std::move(file), "resolv.conf");
  const DnsPath known = explain_dns_path(snapshot, question);
  EXPECT_EQ(asked_in_words(known), Texts{"git.corp.example: 198.51.100.1 "});
  EXPECT_EQ(known.uncertain, "");
  EXPECT_FALSE(known.leaks_to.has_value()) << "the interface is not known";
  EXPECT_NE(explain_dns_path(snapshot, {"a", kDnsTypeA, DnsCaller::kStub, ""}).why_none, "");
}

TEST(MacosExplanation, WhatIsNotKnownIsNotGuessed) {
  Snapshot snapshot;
  snapshot.platform = Platform::kMacos;
  const DnsQuestion question{.name = "www.example.org", .type = kDnsTypeA, .caller = DnsCaller::kLibc, .interface = {}};
  EXPECT_TRUE(explain_dns_path(snapshot, question).uncertain.contains("was not collected"));
  MacosDns none;
  none.has_configuration = false;
  EXPECT_EQ(explain_dns_path(snapshot_of(none), question).steps.size(), 1U);
  MacosDns proxied = sample("dns/full-tunnel.txt");
  proxied.resolvers[0].servers = {*DnsServer::parse("127.0.0.1")};
  const DnsPath path = explain_dns_path(snapshot_of(proxied), question);
  EXPECT_FALSE(path.leaks_to.has_value());
  EXPECT_NE(path.why_leaks_unknown, "");
}

TEST(MacosExplanation, HostsComeFirst) {
  Snapshot snapshot = snapshot_of(sample("dns/full-tunnel.txt"));
  snapshot.dns.hosts =
      Observed<std::vector<HostsEntry>>({{*IpAddress::parse("10.0.0.9"), "", {"db.example"}}}, "hosts");
  const DnsPath path = explain_dns_path(snapshot, {"DB.example.", kDnsTypeA, DnsCaller::kLibc, ""});
  EXPECT_TRUE(path.is_answered_here);
  EXPECT_TRUE(path.asked.empty());
}

TEST(MacosExplanation, ServersAreReachedByTheInterfaceOfTheirEntry) {
  auto snapshot = load_snapshot(testing_support::source_file("tests/data/macos/tunnel"));
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  MacosDns dns = sample("dns/full-tunnel.txt");
  dns.resolvers[1].servers = {*DnsServer::parse("192.0.2.1")};
  dns.resolvers[0].interface = "utun4";
  dns.resolvers[0].servers = {*DnsServer::parse("10.8.0.1")};
  snapshot->dns.macos = Observed<MacosDns>(std::move(dns), "test");
  const DnsPath path = explain_dns_path(*snapshot, {"www.example.org", kDnsTypeA, DnsCaller::kLibc, ""});
  ASSERT_EQ(path.asked.size(), 2U);
  EXPECT_EQ(path.leaks_to, Texts{"192.0.2.1"});
}

}  // namespace
}  // namespace vpndoctor
