// SPDX-License-Identifier: Apache-2.0
// What the checks conclude agrees with the model of systemd-resolved that explains single names, on random machines.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "dns_checks.h"
#include "dns_scene.h"
#include "vpndoctor/dns_explain.h"

namespace vpndoctor {
namespace {

using testing_support::dns_domain;
using testing_support::dns_server;
using testing_support::DnsScene;
using testing_support::link_scope;

constexpr int kMachines = 2000;

using Random = std::mt19937;

bool coin(Random& random) { return std::uniform_int_distribution(0, 1)(random) == 1; }

std::vector<DnsDomain> random_domains(Random& random) {
  constexpr std::array kNames = {"corp.example", "example", "lab.corp.example", "home.lan", "."};
  std::vector<DnsDomain> domains;
  for (const char* name : kNames) {
    if (std::uniform_int_distribution(0, 3)(random) != 0) continue;
    domains.push_back({name, coin(random) || std::string_view(name) == "."});
  }
  return domains;
}

void draw_scope(Random& random, ResolvedScope& scope) {
  scope.domains = random_domains(random);
  scope.default_route = coin(random);
  if (std::uniform_int_distribution(0, 4)(random) == 0) scope.live_protocols = 0;
  if (std::uniform_int_distribution(0, 5)(random) == 0) scope.servers.clear();
}

/// eth0, wlan0, tun0 and tun1 with random domains; some scopes are not live, some have no server.
DnsScene random_machine(Random& random) {
  DnsScene scene = DnsScene::ubuntu(coin(random) ? 252 : 257).names_by({"files", "resolve", "dns"});
  coin(random) ? scene.split_tunnel() : scene.full_tunnel();
  scene.machine.tun("tun1").address("tun1", "10.77.0.2/24").link("wlan0").address("wlan0", "192.168.7.2/24");
  scene.scope(link_scope("wlan0", {"192.168.7.1"}, {}, true)).tunnel_scope({"10.66.0.1"}, {});
  scene.scope(link_scope("tun1", {"10.77.0.1"}, {}, false));
  for (const char* name : {"eth0", "wlan0", "tun0", "tun1"}) draw_scope(random, scene.scope_of(name));
  if (coin(random)) scene.global().servers = {dns_server("198.51.100.53")};
  return scene;
}

std::set<std::string> ids_of(const std::vector<const ResolvedScope*>& scopes) {
  std::set<std::string> ids;
  for (const ResolvedScope* scope : scopes) ids.insert(scope->interface.empty() ? "global" : scope->interface);
  return ids;
}

/// The scopes that are asked at once by the model that explains names.
std::set<std::string> explained(const Snapshot& snapshot, const std::string& name) {
  DnsQuestion question;
  question.name = name;
  std::set<std::string> ids;
  for (const DnsQuery& query : explain_resolved(snapshot, question, false).asked) ids.insert(query.scope);
  return ids;
}

TEST(DnsChecksRandom, TheScopesThatAreAskedAreThoseOfTheExplanation) {
  Random random(4);
  constexpr std::array<std::pair<const char*, const char*>, 5> kNames = {{{"corp.example", "x.corp.example"},
                                                                          {"example", "x.example"},
                                                                          {"lab.corp.example", "x.lab.corp.example"},
                                                                          {"home.lan", "x.home.lan"},
                                                                          {".", "www.test.org"}}};
  int several = 0;
  for (int i = 0; i < kMachines; ++i) {
    const Snapshot snapshot = random_machine(random).snapshot();
    const Fib fib(snapshot);
    const DnsFacts facts{.snapshot = snapshot, .fib = fib, .uid = 0, .live = live_scopes(snapshot)};
    for (const auto& [domain, name] : kNames) {
      const auto asked = ids_of(asked_for(facts, domain));
      EXPECT_EQ(asked, explained(snapshot, name)) << "machine " << i << ", " << name;
      several += asked.size() > 1 ? 1 : 0;
    }
  }
  EXPECT_GT(several, kMachines / 4);
}

TEST(DnsChecksRandom, AnInertTunnelThatIsAnErrorIsALeakOfTheExplanation) {
  Random random(5);
  int errors = 0;
  for (int i = 0; i < kMachines; ++i) {
    const Snapshot snapshot = random_machine(random).snapshot();
    for (const Finding& finding : check_dns(snapshot, 0).findings) {
      if (finding.code != "DNS001" || finding.severity != Severity::kError) continue;
      if (finding.title.starts_with("Nobody")) continue;
      const auto& scopes = snapshot.dns.resolved->scopes;
      const auto scope = std::ranges::find(scopes, finding.subject.id, &ResolvedScope::interface);
      bool leaks = false;
      for (const DnsDomain& domain : scope->domains) {
        DnsQuestion question;
        question.name = domain.name == "." ? "www.test.org" : "x." + domain.name;
        leaks = leaks || !explain_dns_path(snapshot, question).leaks_to.value_or(std::vector<std::string>()).empty();
      }
      EXPECT_TRUE(leaks || scope->domains.empty()) << "machine " << i << ": " << finding.title;
      ++errors;
    }
  }
  EXPECT_GT(errors, kMachines / 20);
}

}  // namespace
}  // namespace vpndoctor
