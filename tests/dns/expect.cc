// SPDX-License-Identifier: Apache-2.0
// What glibc is expected to send, for tests that compare it with what the real one sends: reads cases from stdin,
// prints one line of JSON for each. A case is lines of words, and ends with an empty line:
//   name NAME
//   server ADDRESS OUTCOME NAME...   what it makes of names, and the names that it answers all the same
//   search DOMAIN...
//   ndots N, timeout N, attempts N, rotate, use-vc, no-tld-query, single-request, no-aaaa
#include <fmt/format.h>

#include <array>
#include <iostream>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "dns_glibc_schedule.h"
#include "vpndoctor/dns_explain.h"

namespace {

using namespace vpndoctor;

constexpr auto kOutcomes = std::to_array<std::pair<const char*, GlibcOutcome>>({
    {"answer", GlibcOutcome::kAnswer},
    {"nxdomain", GlibcOutcome::kNoSuchName},
    {"nodata", GlibcOutcome::kNoData},
    {"servfail", GlibcOutcome::kServerFailure},
    {"refused", GlibcOutcome::kRefused},
    {"silent", GlibcOutcome::kSilent},
    {"closed", GlibcOutcome::kPortClosed},
    {"unroutable", GlibcOutcome::kNoRoute},
});

struct Case {
  std::string name;
  ResolvConf conf;
  std::vector<GlibcOutcome> outcomes;
  std::vector<std::set<std::string>> answers;
  std::vector<DnsmasqUpstream> upstreams;
  DnsmasqInstance dnsmasq;
};

GlibcOutcome outcome_of(const std::string& word) {
  for (const auto& [name, outcome] : kOutcomes) {
    if (word == name) return outcome;
  }
  throw std::invalid_argument(word);
}

void read_server(std::istream& words, Case& to) {
  std::string address, outcome;
  words >> address >> outcome;
  to.conf.used_servers.push_back(DnsServer::parse(address).value());
  to.outcomes.push_back(outcome_of(outcome));
  to.answers.emplace_back();
  for (std::string name; words >> name;) to.answers.back().insert(name);
}

void read_upstream(std::istream& words, Case& to) {
  std::string address;
  words >> address;
  DnsmasqUpstream& upstream = to.upstreams.emplace_back();
  upstream.server = DnsServer::parse(address).value();
  for (std::string domain; words >> domain;) upstream.domains.push_back(domain);
}

void read_line(const std::string& line, Case& to) {
  std::istringstream words(line);
  std::string key;
  words >> key;
  if (key == "name") words >> to.name;
  if (key == "server") read_server(words, to);
  if (key == "upstream") read_upstream(words, to);
  if (key == "own") words >> to.dnsmasq.never_forwarded.emplace_back();
  if (key == "search") {
    for (std::string domain; words >> domain;) to.conf.used_search.push_back(canonical_dns_name(domain));
  }
  if (key == "ndots") words >> to.conf.ndots;
  if (key == "timeout") words >> to.conf.timeout_seconds;
  if (key == "attempts") words >> to.conf.attempts;
  to.conf.rotate |= key == "rotate";
  to.conf.use_tcp |= key == "use-vc";
  to.conf.no_tld_query |= key == "no-tld-query";
  to.conf.single_request |= key == "single-request";
  to.conf.no_aaaa |= key == "no-aaaa";
}

std::string run_text(const Case& each, std::size_t rotation) {
  const GlibcNames names = glibc_names(each.conf, each.name, true);
  const auto servers = [&](std::size_t server, const std::string& name) {
    return each.answers[server].contains(name) ? GlibcOutcome::kAnswer : each.outcomes[server];
  };
  const GlibcRun run = play_glibc(each.conf, names, servers, rotation);
  std::string attempts;
  for (const GlibcAttempt& attempt : run.attempts) {
    attempts += fmt::format("{}[{}, \"{}\"]", attempts.empty() ? "" : ", ", attempt.server, attempt.name);
  }
  return fmt::format(R"({{"attempts": [{}], "answered_by": {}, "took_ms": {}}})", attempts,
                     run.answered_by ? std::to_string(*run.answered_by) : "null", run.took.count());
}

std::string asked_text(const DnsPath& path) {
  std::string asked;
  for (const DnsQuery& query : path.asked) {
    asked += fmt::format("{}[\"{}\", \"{}\"]", asked.empty() ? "" : ", ", query.server->to_string(), query.name);
  }
  return asked;
}

DnsPath glibc_path(const Case& each) {
  Snapshot snapshot;
  ResolvConf conf = each.conf;
  conf.exists = true;
  conf.nameservers = conf.used_servers;
  snapshot.dns.resolv_conf = Observed(conf, "test");
  return explain_resolv_conf(snapshot, {each.name, kDnsTypeA, DnsCaller::kLibc, {}}, true);
}

DnsPath dnsmasq_path(const Case& each) {
  DnsmasqInstance instance = each.dnsmasq;
  instance.upstreams = Observed(each.upstreams, "test");
  instance.domains_are_known = true;
  return explain_dnsmasq({}, {each.name, kDnsTypeA, DnsCaller::kDirect, {}}, instance);
}

void print_dnsmasq(const Case& each) {
  const DnsPath path = dnsmasq_path(each);
  std::cout << fmt::format(R"({{"asked": [{}], "is_answered_here": {}}})", asked_text(path), path.is_answered_here)
            << '\n';
}

void print_glibc(const Case& each) {
  std::string runs;
  const std::size_t rotations = each.conf.rotate ? each.conf.used_servers.size() : 1;
  for (std::size_t i = 0; i < rotations; ++i) runs += (i == 0 ? "" : ", ") + run_text(each, i);
  std::cout << fmt::format(R"({{"runs": [{}], "asked": [{}]}})", runs, asked_text(glibc_path(each))) << '\n';
}

}  // namespace

int main() {
  Case each;
  for (std::string line; std::getline(std::cin, line);) {
    if (!line.empty()) {
      read_line(line, each);
      continue;
    }
    each.upstreams.empty() && each.dnsmasq.never_forwarded.empty() ? print_glibc(each) : print_dnsmasq(each);
    each = Case();
  }
  return 0;
}
