// SPDX-License-Identifier: Apache-2.0
// Servers that do not answer (DNS031), not over TCP (DNS036), or whose large answers get lost (DNS032).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "dns_glibc_schedule.h"
#include "dns_test_findings.h"

namespace vpndoctor {
namespace {

bool is_dead(const DnsServerTest& server) {
  const bool answers_control = server.control && server.control->outcome == DnsOutcome::kAnswered;
  return is_unanswered(server.udp) && is_unanswered(server.udp_plain) && !answers_control &&
         server.tcp.outcome != DnsOutcome::kAnswered;
}

/// A look-up with the servers of resolv.conf as they are, by glibc's own schedule: what it waits for the dead ones.
GlibcRun look_up_of_libc(const DnsTestFacts& facts) {
  if (!facts.snapshot.dns.resolv_conf) return {};
  const ResolvConf& conf = *facts.snapshot.dns.resolv_conf;
  const auto outcome = [&facts](std::size_t place, const std::string& /*name*/) {
    for (const DnsServerTest& server : facts.results.servers) {
      if (server.resolv_conf_index != place || !is_dead(server)) continue;
      const bool refuses = server.udp_plain.outcome == DnsOutcome::kUnreachable;
      return refuses ? GlibcOutcome::kPortClosed : GlibcOutcome::kSilent;
    }
    return GlibcOutcome::kAnswer;
  };
  return play_glibc(conf, glibc_names(conf, "www.example.org.", false), outcome);
}

/// The servers of the same scope that do answer.
std::vector<std::string> live_neighbours(const DnsTestFacts& facts, const DnsServerTest& dead) {
  std::vector<std::string> live;
  for (const DnsServerTest& server : facts.results.servers) {
    const bool same_scope = server.scope == dead.scope && server.interface == dead.interface && !server.is_named;
    if (same_scope && answers_udp(server)) live.push_back(server.server.to_string());
  }
  return live;
}

std::string dead_title(const DnsTestFacts& facts, const DnsServerTest& server) {
  const std::string name = server.server.to_string();
  if (server.resolv_conf_index == 0U) {
    const GlibcRun run = look_up_of_libc(facts);
    const double seconds = std::chrono::duration<double>(run.took).count();
    std::string cost;
    if (run.answered_by && seconds > 0) cost = fmt::format(": each name takes {:.1f} s longer", seconds);
    if (!run.answered_by && seconds > 0) cost = fmt::format(": each name fails after {:.1f} s", seconds);
    return fmt::format("The first DNS server of resolv.conf, {}, does not answer{}", name, cost);
  }
  return server.scope.empty() ? fmt::format("The DNS server {} does not answer", name)
                              : fmt::format("The DNS server {} of {} does not answer", name, server.scope);
}

std::string dead_detail(const DnsServerTest& server, bool is_last) {
  if (!is_last) return "Names are resolved by the other servers, after each program has waited for this one.";
  std::vector<std::string> names;
  for (const DnsDomain& domain : server.domains) {
    if (domain.name != ".") names.push_back(domain.name);
  }
  if (names.empty()) return "No other server of its scope answers: the names that are sent there are not resolved.";
  return fmt::format("No other server of its scope answers: names below {} are not resolved.", fmt::join(names, ", "));
}

/// Set anew without the dead one; where nothing is left, the scope's settings are taken away.
Command resolved_command(const DnsServerTest& server, const std::vector<std::string>& live) {
  if (live.empty()) return root_command({"resolvectl", "revert", server.interface});
  std::vector<std::string> argv{"resolvectl", "dns", server.interface};
  argv.insert(argv.end(), live.begin(), live.end());
  return root_command(std::move(argv));
}

/// What listens on a loopback address is a program of this machine.
void add_forwarder_step(const std::string& address, Remedy& remedy) {
  if (address == "127.0.0.53") {
    return add_step(remedy, "Start systemd-resolved again, which is to listen there.",
                    {root_command({"systemctl", "restart", "systemd-resolved"})});
  }
  add_step(remedy, "Start the forwarder again that is to listen there (dnsmasq, unbound); see which program does.",
           {root_command({"ss", "-lnup", "sport", "=", ":53"})});
}

void add_dead_remedy(const DnsTestFacts& facts, const DnsServerTest& server, Finding& finding) {
  const std::string address = server.server.address.to_string();
  const Observed<ResolvConf>& conf = facts.snapshot.dns.resolv_conf;
  if (server.resolv_conf_index && conf && conf->nameservers.empty()) {
    return add_step(
        finding.remedy,
        fmt::format("Name a server in {}: it names none that is an address, so {} is asked.", conf->path, address));
  }
  if (server.server.address.is_loopback()) return add_forwarder_step(address, finding.remedy);
  if (server.is_tunnel) add_step(finding.remedy, "Start the VPN again: the server is behind it.");
  add_step(finding.remedy, "See where packets to it go.", {user_command({"vpndoctor", "routes", "explain", address})});
  const bool has_link = !server.interface.empty() && facts.snapshot.dns.resolved.is_known();
  if (has_link) {
    add_step(finding.remedy, "Or take it away from the link until it answers.",
             {resolved_command(server, live_neighbours(facts, server))});
  } else if (server.resolv_conf_index && live_neighbours(facts, server).empty()) {
    add_step(finding.remedy, "Or name another server in resolv.conf; `vpndoctor dns` says who writes that file.");
  } else if (server.resolv_conf_index) {
    add_step(finding.remedy, "Or take it out of resolv.conf; `vpndoctor dns` says who writes that file.",
             {root_command({"sed", "-i", fmt::format("/^nameserver[[:space:]]*{}[[:space:]]*$/d", address),
                            "/etc/resolv.conf"})});
  }
}

Finding dead_finding(const DnsTestFacts& facts, const DnsServerTest& server) {
  const bool is_last = live_neighbours(facts, server).empty();
  Finding finding = make_finding("DNS031", {"server", server.server.to_string()});
  finding.severity = is_last && !server.is_named ? Severity::kError : Severity::kWarning;
  finding.title = dead_title(facts, server);
  finding.detail =
      server.is_named ? "It was named on the command line; nothing here depends on it." : dead_detail(server, is_last);
  for (const DnsExchange* exchange : {&server.udp, &server.udp_plain, &server.tcp}) {
    finding.evidence.push_back({"probe", server.server.to_string(), exchange_text(*exchange)});
  }
  add_dead_remedy(facts, server, finding);
  return finding;
}

bool is_large(const DnsServerTest& server) {
  const auto exceeds = [](const DnsExchange& exchange) {
    return exchange.outcome == DnsOutcome::kAnswered && (exchange.truncated || exchange.reply_bytes.value_or(0) > 512);
  };
  return exceeds(server.udp) || exceeds(server.udp_plain);
}

/// The largest size that got lost although a smaller one is answered; null: there is none.
const DnsExchange* lost_rung(const DnsServerTest& server) {
  if (server.tcp.outcome != DnsOutcome::kAnswered) return nullptr;
  for (const DnsExchange& rung : server.ladder) {
    const bool is_lost = rung.outcome == DnsOutcome::kSilent && rung.sent >= 2;
    const bool smaller_works = server.largest_edns_bytes && rung.edns_bytes > server.largest_edns_bytes;
    if (is_lost && smaller_works) return &rung;
  }
  return nullptr;
}

Finding fragments_finding(const DnsServerTest& server, const DnsExchange& lost) {
  const std::string name = server.server.to_string();
  Finding finding = make_finding("DNS032", {"server", name});
  finding.confidence = Confidence::kLikely;
  finding.title = fmt::format("Large answers of {} get lost: {} bytes do not arrive over UDP", name,
                              std::min<std::uint32_t>(server.tcp.reply_bytes.value_or(0), *lost.edns_bytes));
  finding.detail = fmt::format(
      "The answer is {} bytes long. Where EDNS allows it to come in one datagram it is sent in fragments, which do not "
      "get here; with EDNS {} and over TCP the server answers. Programs that offer a larger size wait in vain.",
      server.tcp.reply_bytes.value_or(0), *server.largest_edns_bytes);
  for (const DnsExchange& rung : server.ladder) finding.evidence.push_back({"probe", name, exchange_text(rung)});
  finding.evidence.push_back({"probe", name, exchange_text(server.tcp)});
  add_step(finding.remedy, "Find out how large a packet may be on the way to the server, and where larger ones vanish.",
           {user_command({"vpndoctor", "mtu", server.server.address.to_string()})});
  add_step(finding.remedy,
           fmt::format("Until then have the server, or the forwarder that asks it, send no more than {} bytes.",
                       *server.largest_edns_bytes),
           {root_command({"dnsmasq", fmt::format("--edns-packet-max={}", *server.largest_edns_bytes)})});
  return finding;
}

}  // namespace

void judge_dead_servers(const DnsTestFacts& facts, Findings& findings) {
  std::set<DnsServer> told;
  for (const DnsServerTest& server : facts.results.servers) {
    if (is_dead(server) && told.insert(server.server).second) findings.push_back(dead_finding(facts, server));
  }
}

void judge_tcp(const DnsTestFacts& facts, Findings& findings) {
  for (const DnsServerTest& server : facts.results.servers) {
    if (!answers_udp(server) || !is_unanswered(server.tcp) || !is_large(server)) continue;
    const std::string name = server.server.to_string();
    const bool truncated = server.udp.truncated || server.udp_plain.truncated;
    Finding finding = make_finding("DNS036", {"server", name});
    if (truncated) finding.severity = Severity::kError;
    finding.title = fmt::format("The DNS server {} answers over UDP but not over TCP", name);
    finding.detail = truncated ? "Its answer does not fit into the UDP message that was offered; the rest is to be "
                                 "fetched over TCP, which fails: the name is not resolved."
                               : "Its answer is larger than 512 bytes: programs that do not offer more get a truncated "
                                 "one and fetch the rest over TCP, which fails.";
    for (const DnsExchange* exchange : {&server.udp, &server.udp_plain, &server.tcp}) {
      finding.evidence.push_back({"probe", name, exchange_text(*exchange)});
    }
    add_step(finding.remedy,
             fmt::format("Let TCP to port {} through on the way to the server, in its firewall and in the VPN's "
                         "(RFC 7766 asks for it). Then test again.",
                         server.server.port),
             {user_command({"vpndoctor", "dns", "test", server.udp.name, "--server", name})});
    findings.push_back(std::move(finding));
  }
}

void judge_fragments(const DnsTestFacts& facts, Findings& findings) {
  for (const DnsServerTest& server : facts.results.servers) {
    if (const DnsExchange* lost = lost_rung(server)) findings.push_back(fragments_finding(server, *lost));
  }
}

}  // namespace vpndoctor
