// SPDX-License-Identifier: Apache-2.0
// Who really answers: a forwarder on this machine that nobody runs, a systemd-resolved of another network namespace,
// and what VPN clients left beside resolv.conf.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "default_way.h"
#include "dns_checks.h"

namespace vpndoctor {
namespace {

/// Docker redirects its address to a port of its own with a firewall rule: nothing listens on port 53.
bool is_redirected(const DnsServer& server) { return server.address.to_string() == "127.0.0.11"; }

bool listens(const DnsFacts& facts, const DnsServer& server) {
  return std::ranges::any_of(*facts.snapshot.dns.listeners, [&](const DnsListener& listener) {
    const IpAddress& own = listener.server.address;
    const bool takes_all =
        own.is_unspecified() && (own.family == server.address.family || own.family == Family::kInet6);
    return listener.server.port == server.port && (own == server.address || takes_all);
  });
}

/// What to start, by the address that is asked.
Command start_of(const DnsServer& server) {
  const std::string text = server.address.to_string();
  const bool is_resolved = text == "127.0.0.53" || text == "127.0.0.54";
  return root_command({"systemctl", "restart", is_resolved ? "systemd-resolved" : "dnsmasq"});
}

std::string nobody_there(const DnsServer& server) {
  const std::string text = server.address.to_string();
  if (text == "127.0.0.53") return "systemd-resolved does not run, or has its stub switched off";
  return "the local forwarder does not run";
}

/// A machine without a default route may do without names.
bool has_way_out(const DnsFacts& facts) {
  return std::ranges::any_of(std::array{Family::kInet, Family::kInet6}, [&](Family family) {
    const auto way = default_way(facts.snapshot, family);
    return way && way->type == RouteType::kUnicast;
  });
}

const NssService* service_of(const DnsFacts& facts, std::string_view name) {
  const auto& hosts = facts.snapshot.dns.name_service_switch->hosts;
  const auto found = std::ranges::find(hosts, name, &NssService::name);
  return found == hosts.end() ? nullptr : &*found;
}

/// True when libc asks nss-resolve before it asks resolv.conf's servers.
bool libc_uses_resolve(const DnsFacts& facts) {
  const auto& hosts = facts.snapshot.dns.name_service_switch->hosts;
  const auto first =
      std::ranges::find_if(hosts, [](const NssService& each) { return each.name == "resolve" || each.name == "dns"; });
  return first != hosts.end() && first->name == "resolve" && first->is_installed.value_or(true);
}

void add_foreign_resolver(const DnsFacts& facts, const ResolvedState& resolved, DnsFindings& findings) {
  Finding finding = make_finding("DNS015", {"host", "systemd-resolved"});
  const bool is_installed = service_of(facts, "resolve")->is_installed.has_value();
  if (!is_installed) finding.confidence = Confidence::kLikely;
  finding.title = "Names are resolved by the systemd-resolved of another network namespace";
  finding.detail =
      "libc asks it through a socket in /run that both see: names are asked over the links of that namespace, whatever "
      "the routes and tunnels of this one are.";
  finding.evidence.push_back({"dns", "systemd-resolved", resolved.foreign});
  finding.evidence.push_back({"file", "/etc/nsswitch.conf", "resolve comes before dns in the hosts line"});
  add_step(
      finding.remedy,
      "Give this namespace a hosts line without resolve, in a file that is mounted for it alone; with ip-netns(8), "
      "in the place of NAME:",
      {root_command(
           {"sh", "-c", "mkdir -p /etc/netns/NAME && echo 'hosts: files dns' > /etc/netns/NAME/nsswitch.conf"}),
       root_command({"sh", "-c", "echo 'nameserver SERVER' > /etc/netns/NAME/resolv.conf"})});
  findings.push_back(std::move(finding));
}

void add_foreign_manager(const DnsFacts& facts, const NetworkManagerDns& manager, DnsFindings& findings) {
  if (!facts.snapshot.dns.resolv_conf || resolv_conf_owner(facts.file()).name != "NetworkManager") return;
  Finding finding = make_finding("DNS015", {"file", facts.file().path});
  finding.severity = Severity::kNotice;
  finding.title = fmt::format("{} is written by the NetworkManager of another network namespace", facts.file().path);
  finding.detail = "Its servers are those of the links of that namespace.";
  finding.evidence = {server_lines(facts), {"dns", "NetworkManager", manager.foreign}};
  add_step(finding.remedy, "Give this namespace a file of its own, with ip-netns(8) in the place of NAME:",
           {root_command(
               {"sh", "-c", "mkdir -p /etc/netns/NAME && echo 'nameserver SERVER' > /etc/netns/NAME/resolv.conf"})});
  findings.push_back(std::move(finding));
}

void add_backup(const DnsFacts& facts, const ResolvConfBackup& backup, DnsFindings& findings) {
  const bool is_in_charge = resolv_conf_owner(facts.file()).name == backup.writer;
  Finding finding = make_finding("DNS008", {"file", backup.path});
  finding.severity = is_in_charge ? Severity::kWarning : Severity::kNotice;
  finding.title = is_in_charge
                      ? fmt::format("{} is gone, and resolv.conf is still the one that it wrote", backup.writer)
                      : fmt::format("{} is gone, and its backup of resolv.conf is still there", backup.writer);
  finding.detail =
      is_in_charge ? fmt::format("It ended without putting back the file that it had saved to {}.", backup.path)
                   : "When the client is started and ended again, it may put this old file in the place of today's.";
  finding.evidence = {{"file", backup.path, "a backup of " + backup.writer},
                      {"process", backup.writer, "no process of it runs"}};
  if (is_in_charge) {
    finding.evidence.push_back(server_lines(facts));
    add_step(finding.remedy, "Start the client again, or put the file back.",
             {root_command({"mv", backup.path, facts.file().path})});
  } else {
    add_step(finding.remedy, "Look whether it is of use, then remove it.",
             {user_command({"cat", backup.path}), root_command({"rm", backup.path})});
  }
  findings.push_back(std::move(finding));
}

}  // namespace

void check_dead_stub(const DnsFacts& facts, DnsFindings& findings) {
  const ResolvConf& file = facts.file();
  const bool names_none = file.nameservers.empty();
  if (names_none && !has_way_out(facts)) return;
  if (!file.exists && !file.link_target.empty()) return;  // the check of replaced files tells
  std::vector<DnsServer> dead;
  for (const DnsServer& server : file.used_servers) {
    if (server.address.is_loopback() && !is_redirected(server) && !listens(facts, server)) dead.push_back(server);
  }
  if (dead.empty()) return;
  Finding finding = make_finding("DNS017", {"file", file.path});
  const bool all = dead.size() == file.used_servers.size();
  finding.severity = all && !libc_asks_resolved(facts) ? Severity::kError : Severity::kWarning;
  finding.title = names_none ? fmt::format("{}, and nothing listens on {}",
                                           file.exists ? file.path + " names no server" : "There is no " + file.path,
                                           server_words(dead))
                             : fmt::format("{} names {}, where nothing listens", file.path, server_words(dead));
  finding.detail = names_none ? fmt::format("Programs that read the file ask {} then.", server_words(dead))
                              : fmt::format("{}.{}", nobody_there(dead.front()),
                                            all ? " Programs that read the file resolve no name."
                                                : " The next server is asked instead.");
  if (!names_none) finding.detail.front() = finding.detail.front() == 's' ? 's' : 'T';
  finding.evidence = {
      server_lines(facts),
      {"netlink", facts.snapshot.dns.listeners.source(), fmt::format("no socket on {}", server_words(dead))}};
  if (names_none) {
    add_step(finding.remedy, fmt::format("Name a server in {} that answers: a line \"nameserver ADDRESS\", which ends "
                                         "with the address.",
                                         file.path));
  } else {
    add_step(finding.remedy, "Start it again.", {start_of(dead.front())});
    add_step(finding.remedy, fmt::format("Or name a server in {} that answers.", file.path));
  }
  findings.push_back(std::move(finding));
}

void check_foreign(const DnsFacts& facts, DnsFindings& findings) {
  const DnsConfiguration& dns = facts.snapshot.dns;
  if (dns.resolved && !dns.resolved->foreign.empty() && libc_uses_resolve(facts)) {
    add_foreign_resolver(facts, *dns.resolved, findings);
  }
  if (dns.network_manager && !dns.network_manager->foreign.empty()) {
    add_foreign_manager(facts, *dns.network_manager, findings);
  }
}

std::string backups_undecided(const DnsFacts& facts) {
  const auto& backups = *facts.snapshot.dns.backups;
  const auto is_unknown = [](const ResolvConfBackup& backup) { return !backup.writer_alive.has_value(); };
  const auto found = std::ranges::find_if(backups, is_unknown);
  if (found == backups.end() || !std::ranges::all_of(backups, is_unknown)) return {};
  return fmt::format("it is not known whether {} runs, which left {}", found->writer, found->path);
}

void check_backups(const DnsFacts& facts, DnsFindings& findings) {
  for (const ResolvConfBackup& backup : *facts.snapshot.dns.backups) {
    if (backup.writer_alive == false) add_backup(facts, backup, findings);
  }
}

}  // namespace vpndoctor
