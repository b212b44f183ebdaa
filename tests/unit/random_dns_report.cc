// SPDX-License-Identifier: Apache-2.0
// Random reports of the dns commands. Keeps the few promises that the data types make; ids, names of modules and the
// like are never empty.
#include "random_dns_report.h"

#include <array>

#include "report_draw.h"

namespace vpndoctor::test {
namespace {

class DnsDraw : public ReportDraw {
 public:
  using ReportDraw::ReportDraw;

  DnsServer server() {
    DnsServer server;
    server.address = address();
    if (chance()) server.port = static_cast<std::uint16_t>(1 + below(65535));
    if (chance()) server.zone = text();
    if (chance()) server.tls_name = text();
    return server;
  }
  std::optional<DnsServer> maybe_server() { return chance() ? std::optional(server()) : std::nullopt; }
  std::vector<DnsServer> servers() {
    return list<DnsServer>(5, [this] { return server(); });
  }
  DnsDomain domain() { return {below(9) == 0 ? "." : text(), chance()}; }
};

ResolvConf random_resolv_conf(DnsDraw& draw) {
  ResolvConf file;
  file.exists = draw.chance();
  file.link_target = draw.maybe_text();
  file.real_path = draw.maybe_text();
  file.mount_source = draw.maybe_text();
  file.immutable = draw.maybe_bool();
  file.nameservers = draw.servers();
  file.not_servers = draw.texts();
  file.search = draw.texts();
  file.options = draw.texts();
  file.environment = draw.texts();
  file.used_servers = draw.servers();
  file.used_search = draw.texts();
  return file;
}

NameServiceSwitch random_switch(DnsDraw& draw) {
  NameServiceSwitch nss;
  nss.hosts = draw.list<NssService>(5, [&draw] {
    return NssService{draw.text(),   draw.chance(), draw.chance(),    draw.chance(),
                      draw.chance(), draw.chance(), draw.maybe_bool()};
  });
  nss.is_default = draw.chance();
  nss.faults = draw.texts();
  return nss;
}

ResolvedState random_resolved(DnsDraw& draw) {
  ResolvedState resolved;
  if (draw.chance()) resolved.version = static_cast<unsigned>(draw.below(300));
  resolved.resolv_conf_mode = draw.maybe_text();
  resolved.stub_listener = draw.maybe_text();
  resolved.runs = draw.maybe_bool();
  resolved.fallback_servers = draw.servers();
  resolved.foreign = draw.maybe_text();
  return resolved;
}

NetworkManagerDns random_network_manager(DnsDraw& draw) {
  return {draw.maybe_text(), draw.maybe_text(), {}, draw.maybe_text(), draw.maybe_text()};
}

DnsConfiguration random_configuration(DnsDraw& draw) {
  DnsConfiguration dns;
  dns.resolv_conf = draw.observed(random_resolv_conf(draw));
  dns.name_service_switch = draw.observed(random_switch(draw));
  dns.name_service_cache = draw.observed(NameServiceCache{draw.chance(), draw.chance()});
  dns.resolved = draw.observed(random_resolved(draw));
  dns.network_manager = draw.observed(random_network_manager(draw));
  dns.listeners = draw.observed(draw.list<DnsListener>(3, [&draw] {
    return DnsListener{draw.server(), draw.maybe_text(),
                       draw.chance() ? std::optional(static_cast<std::uint32_t>(draw.below(99999))) : std::nullopt};
  }));
  dns.macos = draw.observed(MacosDns{});
  return dns;
}

DnsScopeView random_scope(DnsDraw& draw) {
  DnsScopeView scope;
  scope.id = draw.text();
  scope.interface = draw.maybe_text();
  scope.is_tunnel = draw.chance();
  scope.live = draw.maybe_bool();
  if (scope.live != true) scope.why_not_live = draw.text();
  scope.servers = draw.servers();
  scope.current_server = draw.chance() && !scope.servers.empty() ? scope.servers.front() : draw.maybe_server();
  scope.domains = draw.list<DnsDomain>(20, [&draw] { return draw.domain(); });
  scope.default_route = draw.maybe_bool();
  for (const char* protocol : {"dns", "llmnr", "mdns"}) {
    if (draw.chance()) scope.protocols.emplace_back(protocol);
  }
  scope.source = draw.maybe_text();
  return scope;
}

DnsShowReport random_show(DnsDraw& draw, std::shared_ptr<const Snapshot> snapshot) {
  DnsShowReport show{std::move(snapshot), {}};
  show.overview.model = draw.one_of(std::array{DnsModel::kUnknown, DnsModel::kResolved, DnsModel::kResolvConf,
                                               DnsModel::kNetworkManagerDnsmasq, DnsModel::kDnsmasq, DnsModel::kMacos});
  if (show.overview.model == DnsModel::kUnknown) show.overview.why_unknown = draw.text();
  if (draw.chance()) show.overview.owner = ResolvConfOwner{draw.maybe_text(), draw.maybe_text(), draw.maybe_text()};
  show.overview.scopes = draw.list<DnsScopeView>(6, [&draw] { return random_scope(draw); });
  return show;
}

DnsCandidate random_candidate(DnsDraw& draw) {
  using Rank = DnsScore::Rank;
  const Rank rank = draw.one_of(std::array{Rank::kNo, Rank::kLastResort, Rank::kMaybe, Rank::kYes});
  return {draw.text(), {rank, static_cast<unsigned>(draw.below(9))}, draw.chance(), draw.text(), draw.maybe_text()};
}

DnsQuery random_query(DnsDraw& draw) {
  return {draw.maybe_server(), draw.maybe_text(),
          draw.text(),         draw.one_of(std::array<std::string, 4>{"dns", "tls", "llmnr", "mdns"}),
          draw.maybe_text(),   draw.maybe_text()};
}

DnsPath random_dns_path(DnsDraw& draw) {
  DnsPath path;
  path.caller = draw.one_of(std::array{DnsCaller::kLibc, DnsCaller::kStub, DnsCaller::kDirect, DnsCaller::kBound});
  if (path.caller == DnsCaller::kBound) path.interface = draw.text();
  path.why_none = draw.below(4) == 0 ? draw.text() : "";
  path.answered_by = draw.maybe_text();
  path.is_answered_here = draw.below(4) == 0;
  path.steps = draw.texts();
  path.candidates = draw.list<DnsCandidate>(5, [&draw] { return random_candidate(draw); });
  path.asked = draw.list<DnsQuery>(9, [&draw] { return random_query(draw); });
  path.parallel = draw.chance();
  if (draw.chance()) {
    path.leaks_to = std::nullopt;
    path.why_leaks_unknown = draw.text();
  } else {
    path.leaks_to = draw.texts();
  }
  if (draw.chance()) path.delay_if_first_is_silent = std::chrono::milliseconds(draw.below(60'000));
  path.uncertain = draw.maybe_text();
  path.notes = draw.texts();
  return path;
}

DnsExchange random_exchange(DnsDraw& draw) {
  DnsExchange exchange;
  exchange.server = draw.maybe_server().value_or(DnsServer{});
  exchange.interface = draw.maybe_text();
  exchange.name = draw.text();
  exchange.type = static_cast<std::uint16_t>(draw.below(65536));
  exchange.transport = draw.chance() ? DnsTransport::kTcp : DnsTransport::kUdp;
  if (draw.chance()) exchange.edns_bytes = static_cast<std::uint16_t>(draw.below(65536));
  exchange.sent = static_cast<unsigned>(draw.below(3));
  exchange.outcome = draw.one_of(std::array{DnsOutcome::kNotAsked, DnsOutcome::kAnswered, DnsOutcome::kSilent,
                                            DnsOutcome::kUnreachable, DnsOutcome::kNotBound, DnsOutcome::kMalformed});
  if (exchange.outcome != DnsOutcome::kAnswered) {
    exchange.reason = draw.text();
    return exchange;
  }
  exchange.rtt = Milliseconds(static_cast<double>(draw.below(100'000)) / 7);
  exchange.rcode = static_cast<unsigned>(draw.below(4096));
  exchange.truncated = draw.chance();
  exchange.answers = draw.texts();
  exchange.reply_bytes = static_cast<std::uint32_t>(draw.below(65536));
  if (draw.chance()) exchange.server_bytes = static_cast<std::uint16_t>(draw.below(65536));
  if (draw.chance()) exchange.reply_ttl = static_cast<std::uint8_t>(draw.below(256));
  exchange.other_texts = draw.texts();
  exchange.other_answers = static_cast<unsigned>(exchange.other_texts.size());
  return exchange;
}

DnsServerTest random_server_test(DnsDraw& draw) {
  DnsServerTest server;
  server.server = draw.maybe_server().value_or(DnsServer{});
  server.scope = draw.maybe_text();
  server.interface = draw.maybe_text();
  server.why_unbound = draw.maybe_text();
  server.is_tunnel = draw.chance();
  server.is_named = draw.chance();
  if (draw.chance()) server.resolv_conf_index = draw.below(3);
  server.udp = random_exchange(draw);
  server.udp_plain = random_exchange(draw);
  server.tcp = random_exchange(draw);
  if (draw.chance()) server.control = random_exchange(draw);
  server.ladder = draw.list<DnsExchange>(4, [&draw] { return random_exchange(draw); });
  if (draw.chance()) server.largest_edns_bytes = static_cast<std::uint16_t>(draw.below(65536));
  server.why_not_judged = draw.maybe_text();
  return server;
}

DnsWayAnswer random_way(DnsDraw& draw) {
  const DnsExchange exchange = random_exchange(draw);
  DnsWayAnswer way{draw.text(), draw.maybe_text(), draw.maybe_text(), exchange.outcome, {}, exchange.reason, {}, {}, 0};
  if (way.outcome == DnsOutcome::kAnswered) way.status = draw.text();
  way.addresses = exchange.answers;
  way.took = exchange.rtt;
  way.lost = exchange.sent;
  return way;
}

DnsTestReport random_test(DnsDraw& draw, std::shared_ptr<const Snapshot> snapshot) {
  DnsTestReport test{std::move(snapshot), {}};
  test.results.servers = draw.list<DnsServerTest>(4, [&draw] { return random_server_test(draw); });
  test.results.names = draw.list<DnsNameTest>(3, [&draw] {
    return DnsNameTest{draw.text(), static_cast<std::uint16_t>(draw.below(300)),
                       draw.list<DnsWayAnswer>(5, [&draw] { return random_way(draw); })};
  });
  test.results.has_hijack_test = draw.chance();
  test.results.hijack = draw.list<DnsHijackProbe>(
      3, [&draw] { return DnsHijackProbe{random_exchange(draw), draw.text(), draw.chance()}; });
  test.results.servers_left_out = draw.below(3);
  return test;
}

}  // namespace

Report random_dns_report(std::mt19937_64& random) {
  DnsDraw draw(random);
  Report report;
  report.started_at = std::chrono::system_clock::time_point(std::chrono::milliseconds(draw.below(4'000'000'000'000)));
  Snapshot snapshot;
  snapshot.platform = draw.one_of(std::array{Platform::kLinux, Platform::kMacos});
  snapshot.dns = random_configuration(draw);
  auto shared = std::make_shared<const Snapshot>(std::move(snapshot));
  if (draw.chance()) {
    report.command = "dns show";
    report.verdict = draw.chance() ? Verdict::kOk : Verdict::kUndetermined;
    report.data = random_show(draw, std::move(shared));
    return report;
  }
  if (draw.chance()) {
    report.command = "dns test";
    report.verdict = draw.chance() ? Verdict::kOk : Verdict::kUndetermined;
    report.data = random_test(draw, std::move(shared));
    return report;
  }
  report.command = "dns explain";
  report.verdict = draw.chance() ? Verdict::kOk : Verdict::kUndetermined;
  DnsExplainReport explain{std::move(shared), {draw.text(), static_cast<std::uint16_t>(draw.below(65536)), {}}};
  explain.explanation.paths = draw.list<DnsPath>(4, [&draw] { return random_dns_path(draw); });
  report.data = std::move(explain);
  return report;
}

}  // namespace vpndoctor::test
