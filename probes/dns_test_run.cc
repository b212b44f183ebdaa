// SPDX-License-Identifier: Apache-2.0
// Carries out a test of DNS servers; see the header.
#include "vpndoctor/dns_test_run.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <utility>

#include "cares_lookup.h"
#include "libc_lookup.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kNamesAtOnce = 8;

DnsAsk ask_of(const DnsExchange& planned) {
  DnsAsk ask;
  ask.server = planned.server;
  ask.interface = planned.interface;
  ask.name = planned.name;
  ask.type = planned.type;
  ask.transport = planned.transport;
  ask.edns_bytes = planned.edns_bytes;
  return ask;
}

class TestRun {
 public:
  TestRun(DnsTestPlan plan, const DnsTestRunOptions& options) : plan_(std::move(plan)), options_(options) {}
  DnsTestRun run();

 private:
  DnsTestResults& results() { return plan_.results; }
  /// Makes planned exchanges; those that have a reason not to be made stay as they are.
  void make(const std::vector<DnsExchange*>& exchanges, const char* what);
  void ask_servers();
  void climb_ladders();
  void look_up_names();
  void look_up(std::span<DnsNameTest> names);
  std::vector<DnsAsk> ways_of(const DnsNameTest& name, std::vector<DnsWayAnswer>& ways) const;
  DnsProbing probing() const;
  bool is_interrupted() const;
  void say(const std::string& text) const {
    if (options_.progress) options_.progress(text);
  }

  DnsTestPlan plan_;
  const DnsTestRunOptions& options_;
};

bool TestRun::is_interrupted() const {
  pollfd polled{options_.interrupt_descriptor, POLLIN, 0};
  return options_.interrupt_descriptor >= 0 && poll(&polled, 1, 0) == 1;
}

DnsProbing TestRun::probing() const {
  DnsProbing probing;
  probing.timeout = options_.timeout;
  probing.interrupt_descriptor = options_.interrupt_descriptor;
  return probing;
}

void TestRun::make(const std::vector<DnsExchange*>& exchanges, const char* what) {
  std::vector<DnsExchange*> made;
  std::vector<DnsAsk> asks;
  for (DnsExchange* exchange : exchanges) {
    if (!exchange->reason.empty()) continue;
    made.push_back(exchange);
    asks.push_back(ask_of(*exchange));
  }
  DnsProbing how = probing();
  how.progress = [this, what](std::size_t done, std::size_t all) {
    say(fmt::format("{}: {} of {} questions are over", what, done, all));
  };
  const std::vector<DnsExchange> done = ask_dns_servers(asks, how);
  for (std::size_t i = 0; i < done.size(); ++i) *made[i] = done[i];
}

void TestRun::ask_servers() {
  std::vector<DnsExchange*> exchanges;
  for (DnsServerTest& server : results().servers) {
    exchanges.insert(exchanges.end(), {&server.udp, &server.udp_plain, &server.tcp});
  }
  for (DnsHijackProbe& probe : results().hijack) exchanges.push_back(&probe.exchange);
  make(exchanges, "asking the servers");
}

void TestRun::climb_ladders() {
  std::vector<DnsExchange*> exchanges;
  for (DnsServerTest& server : results().servers) {
    plan_control(server);
    if (server.control) exchanges.push_back(&*server.control);
    plan_edns_ladder(server);
    for (DnsExchange& rung : server.ladder) exchanges.push_back(&rung);
  }
  make(exchanges, "asking for large answers");
  for (DnsServerTest& server : results().servers) judge_edns_ladder(server);
}

/// The servers' ways of a name, the stub first; what is not to be asked is among `ways` with its reason.
std::vector<DnsAsk> TestRun::ways_of(const DnsNameTest& name, std::vector<DnsWayAnswer>& ways) const {
  std::vector<DnsAsk> asks;
  DnsExchange question;
  question.name = name.name;
  question.type = name.type;
  const auto add = [&](const DnsServer& server, const std::string& way, const std::string& why_not) {
    question.server = server;
    if (why_not.empty()) asks.push_back(ask_of(question));
    ways.emplace_back();
    ways.back().way = way;
    ways.back().interface = question.interface;
    ways.back().reason = why_not;
  };
  if (plan_.stub) add(*plan_.stub, "stub", {});
  for (const DnsServerTest& server : plan_.results.servers) {
    if (plan_.stub == server.server) continue;
    question.interface = server.why_unbound.empty() ? server.interface : "";
    const bool is_asked = server.udp.outcome != DnsOutcome::kNotAsked;
    add(server.server, server.server.to_string(), is_asked ? "" : server.udp.reason);
    ways.back().scope = server.scope;
  }
  return asks;
}

void TestRun::look_up(std::span<DnsNameTest> names) {
  std::vector<LibcLookup> by_libc;
  std::vector<DnsAsk> asks;
  for (DnsNameTest& name : names) {
    by_libc.push_back(start_libc_lookup(name.name, name.type));
    const std::vector<DnsAsk> more = ways_of(name, name.ways);
    asks.insert(asks.end(), more.begin(), more.end());
  }
  const std::vector<DnsWayAnswer> answers = look_up_at_servers(asks, probing());
  auto next = answers.begin();
  for (DnsNameTest& name : names) {
    for (DnsWayAnswer& way : name.ways) {
      if (!way.reason.empty()) continue;
      DnsWayAnswer answer = *next++;
      answer.way = way.way;
      answer.scope = way.scope;
      way = std::move(answer);
    }
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    say(fmt::format("waiting for getaddrinfo() of {}", names[i].name));
    names[i].ways.insert(names[i].ways.begin(), finish_libc_lookup(std::move(by_libc[i]), options_.libc_deadline,
                                                                   options_.interrupt_descriptor));
  }
}

void TestRun::look_up_names() {
  const std::span<DnsNameTest> names(results().names);
  for (std::size_t first = 0; first < names.size() && !is_interrupted(); first += kNamesAtOnce) {
    const auto some = names.subspan(first, std::min(kNamesAtOnce, names.size() - first));
    say(fmt::format("asking for {} on every way", some.front().name));
    look_up(some);
  }
}

DnsTestRun TestRun::run() {
  ask_servers();
  if (!is_interrupted()) climb_ladders();
  if (!is_interrupted()) look_up_names();
  const bool interrupted = is_interrupted();
  return {std::move(plan_.results), interrupted};
}

}  // namespace

DnsTestRun run_dns_test_plan(DnsTestPlan plan, const DnsTestRunOptions& options) {
  return TestRun(std::move(plan), options).run();
}

}  // namespace vpndoctor
