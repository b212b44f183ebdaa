// SPDX-License-Identifier: Apache-2.0
// Plans a test of DNS servers; see the header. Where an interception is looked for is dns_hijack_plan.cc's.
#include "vpndoctor/dns_test_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "dns_forwarder.h"
#include "dns_ground.h"
#include "dns_hijack_plan.h"
#include "vpndoctor/dns_overview.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMaxServers = 64;
constexpr std::uint16_t kTlsPort = 853;

class Planner {
 public:
  Planner(const Snapshot& snapshot, const DnsTestRequest& request)
      : snapshot_(snapshot), request_(request), ground_(snapshot) {}

  DnsTestPlan plan();

 private:
  void add_scope(const DnsScopeView& scope);
  void add_resolv_conf();
  void add_named();
  void add(DnsServerTest server);
  void set_questions(DnsServerTest& server) const;
  std::string why_unbound(const DnsServer& server, const std::string& interface) const;
  bool speaks_tls(const DnsScopeView& scope) const;
  bool is_foreign(const DnsScopeView& scope) const;

  const Snapshot& snapshot_;
  const DnsTestRequest& request_;
  DnsGround ground_;
  DnsTestPlan plan_;
};

/// What a daemon of another network namespace says is about servers that are reached from there.
bool Planner::is_foreign(const DnsScopeView& scope) const {
  const auto& resolved = snapshot_.dns.resolved;
  const auto& manager = snapshot_.dns.network_manager;
  const auto is_from = [&scope](std::string_view who) { return scope.source.starts_with(who); };
  return (resolved && !resolved->foreign.empty() &&
          (is_from("systemd-resolved") || is_from("what systemd-networkd"))) ||
         (manager && !manager->foreign.empty() && is_from("NetworkManager"));
}

bool Planner::speaks_tls(const DnsScopeView& scope) const {
  if (!snapshot_.dns.resolved || scope.interface.empty()) return false;
  return std::ranges::any_of(snapshot_.dns.resolved->scopes, [&scope](const ResolvedScope& each) {
    return each.interface == scope.interface && each.dns_over_tls == "yes";
  });
}

std::string Planner::why_unbound(const DnsServer& server, const std::string& interface) const {
  if (server.address.is_loopback()) return "it is a loopback address";
  if (is_own_address(snapshot_, server.address)) return "it is this machine's own address";
  return interface.empty() ? "its scope has no interface of its own" : "";
}

void Planner::add_scope(const DnsScopeView& scope) {
  if (is_foreign(scope)) return;
  for (const DnsServer& address : scope.servers) {
    DnsServerTest server;
    server.server = address;
    server.scope = scope.id;
    server.interface = scope.interface;
    server.why_unbound = why_unbound(address, scope.interface);
    server.domains = scope.domains;
    server.default_route = scope.default_route;
    server.is_tunnel = scope.is_tunnel;
    if (scope.live == false && !scope.interface.empty()) {
      server.udp.reason = "its scope is not live: " + scope.why_not_live;
    } else if (speaks_tls(scope) || address.port == kTlsPort) {
      server.udp.reason = "it is asked over TLS, which is not tested";
    }
    add(std::move(server));
  }
}

/// Those that no scope has: a stub, or what the model does not use.
void Planner::add_resolv_conf() {
  if (!snapshot_.dns.resolv_conf) return;
  const std::vector<DnsServer>& used = snapshot_.dns.resolv_conf->used_servers;
  for (const DnsServer& address : used) {
    const auto is_it = [&address](const DnsServerTest& each) { return each.server == address; };
    if (std::ranges::any_of(plan_.results.servers, is_it)) continue;
    DnsServerTest server;
    server.server = address;
    server.scope = "resolv.conf";
    server.why_unbound = why_unbound(address, {});
    server.default_route = true;
    add(std::move(server));
  }
  for (DnsServerTest& server : plan_.results.servers) {
    const auto place = std::ranges::find(used, server.server);
    if (place != used.end()) server.resolv_conf_index = static_cast<std::size_t>(place - used.begin());
  }
}

void Planner::add_named() {
  for (const DnsServer& address : request_.servers) {
    DnsServerTest server;
    server.server = address;
    server.why_unbound = "it was named on the command line";
    server.is_named = true;
    add(std::move(server));
  }
}

void Planner::add(DnsServerTest server) {
  std::vector<DnsServerTest>& servers = plan_.results.servers;
  const auto is_same = [&server](const DnsServerTest& each) {
    const bool same_way =
        each.interface == server.interface || (!each.why_unbound.empty() && !server.why_unbound.empty());
    return each.server == server.server && same_way;
  };
  if (std::ranges::any_of(servers, is_same)) return;
  if (servers.size() == kMaxServers) {
    ++plan_.results.servers_left_out;
    return;
  }
  if (!server.why_unbound.empty() && !server.is_tunnel) {
    server.is_tunnel = dns_egress(ground_, server.server).where == DnsEgress::Where::kTunnel;
  }
  set_questions(server);
  servers.push_back(std::move(server));
}

void Planner::set_questions(DnsServerTest& server) const {
  DnsExchange question;
  question.server = server.server;
  question.interface = server.why_unbound.empty() ? server.interface : "";
  question.reason = server.udp.reason;
  const auto own = std::ranges::find_if(server.domains, [](const DnsDomain& domain) { return domain.name != "."; });
  if (!request_.names.empty()) {
    question.name = request_.names.front();
    question.type = request_.type;
  } else if (own != server.domains.end()) {
    question.name = own->name;
    question.type = kDnsTypeSoa;
  } else {
    question.name = ".";
    question.type = kDnsTypeNs;
  }
  server.udp = server.udp_plain = server.tcp = question;
  server.udp.edns_bytes = kUsualEdnsBytes;
  server.tcp.edns_bytes = kUsualEdnsBytes;
  server.tcp.transport = DnsTransport::kTcp;
}

/// systemd-resolved listens there, or resolv.conf says so: whether it answers is what the test is for.
std::optional<DnsServer> find_stub(const Snapshot& snapshot) {
  const auto stub = DnsServer::parse("127.0.0.53");
  const ResolvConf* conf = snapshot.dns.resolv_conf.get();
  const bool is_named = conf != nullptr && std::ranges::count(conf->used_servers, stub) != 0;
  return is_named || why_no_stub(snapshot).empty() ? stub : std::nullopt;
}

DnsTestPlan Planner::plan() {
  for (const DnsScopeView& scope : overview_of_dns(snapshot_).scopes) add_scope(scope);
  add_resolv_conf();
  add_named();
  plan_.stub = find_stub(snapshot_);
  for (const std::string& name : request_.names) plan_.results.names.push_back({name, request_.type, {}});
  plan_.results.has_hijack_test = request_.hijack;
  if (request_.hijack) plan_.results.hijack = plan_hijack_probes(ground_, request_.uid);
  return std::move(plan_);
}

}  // namespace

DnsTestPlan plan_dns_test(const Snapshot& snapshot, const DnsTestRequest& request) {
  return Planner(snapshot, request).plan();
}

void plan_control(DnsServerTest& server) {
  const bool is_silent = server.udp.outcome == DnsOutcome::kSilent && server.udp_plain.outcome == DnsOutcome::kSilent;
  if (!is_silent || server.tcp.outcome == DnsOutcome::kAnswered) return;
  DnsExchange control;
  control.server = server.udp.server;
  control.interface = server.udp.interface;
  control.name = "localhost";
  server.control = std::move(control);
}

void plan_edns_ladder(DnsServerTest& server) {
  const std::uint32_t tcp_bytes = server.tcp.reply_bytes.value_or(0);
  if (server.tcp.outcome != DnsOutcome::kAnswered) {
    server.why_not_judged = "there is no answer over TCP to compare with";
  } else if (tcp_bytes <= 512) {
    server.why_not_judged = fmt::format("its answer over TCP has only {} bytes", tcp_bytes);
  }
  if (!server.why_not_judged.empty()) return;
  const std::span<const std::uint16_t> sizes(kEdnsLadder);
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (i + 1 < sizes.size() && tcp_bytes <= sizes[i + 1]) continue;
    DnsExchange rung;
    rung.server = server.udp.server;
    rung.interface = server.udp.interface;
    rung.name = server.udp.name;
    rung.type = server.udp.type;
    rung.edns_bytes = sizes[i];
    server.ladder.push_back(std::move(rung));
  }
}

void judge_edns_ladder(DnsServerTest& server) {
  for (const DnsExchange& rung : server.ladder) {
    if (rung.outcome != DnsOutcome::kAnswered) continue;
    server.largest_edns_bytes = std::max(server.largest_edns_bytes.value_or(0), rung.edns_bytes.value_or(0));
  }
}

}  // namespace vpndoctor
