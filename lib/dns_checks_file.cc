// SPDX-License-Identifier: Apache-2.0
// resolv.conf in other hands than those that mean to write it: a link that leads nowhere, a file written over, and
// programs whose servers it does not name.
#include <fmt/format.h>

#include <algorithm>

#include "dns_checks.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

bool is_stub(const DnsServer& server) {
  const std::string text = server.address.to_string();
  return text == "127.0.0.53" || text == "127.0.0.54";
}

bool names_stub(const ResolvConf& file) { return std::ranges::any_of(file.nameservers, is_stub); }

/// True for the files of systemd-resolved that name its stub, and nothing else.
bool leads_to_stub_file(const ResolvConf& file) {
  const std::string& path = file.real_path.empty() ? file.link_target : file.real_path;
  return path.ends_with("systemd/resolve/stub-resolv.conf") || path.ends_with("lib/systemd/resolv.conf");
}

/// Who wrote what the file holds, whatever file it is; "another program" when it does not tell.
std::string writer_of(const ResolvConf& file) {
  ResolvConf content = file;
  content.link_target.clear();
  content.real_path = content.path;
  const ResolvConfOwner owner = resolv_conf_owner(content);
  return owner.name.empty() || owner.name == "systemd-resolved" ? "another program" : owner.name;
}

Evidence first_note(const DnsFacts& facts) {
  const auto& notes = facts.file().notes;
  return file_evidence(
      facts, notes.empty() ? "it has no comment that says who wrote it" : "its comment: " + in_quotes(notes.front()));
}

Command link_to_stub() {
  return root_command({"ln", "-sf", "../run/systemd/resolve/stub-resolv.conf", "/etc/resolv.conf"});
}

/// What makes the program that a dangling link belongs to write its file again.
std::vector<Command> revival_of(const std::string& target) {
  for (const auto& [part, service] :
       {std::pair{"systemd/resolve", "systemd-resolved"}, std::pair{"NetworkManager", "NetworkManager"},
        std::pair{"resolvconf", "resolvconf"}, std::pair{"connman", "connman"}}) {
    if (target.find(part) != std::string::npos) return {root_command({"systemctl", "restart", service})};
  }
  return {};
}

void add_dangling(const DnsFacts& facts, DnsFindings& findings) {
  const ResolvConf& file = facts.file();
  Finding finding = make_finding("DNS002", {"file", file.path});
  finding.severity = libc_asks_resolved(facts) ? Severity::kWarning : Severity::kError;
  finding.title = fmt::format("{} leads to {}, which is not there", file.path, file.link_target);
  finding.detail = "Programs that read it ask 127.0.0.1. The program that keeps the file does not run, or has gone.";
  finding.evidence = {file_evidence(facts, "a link to " + file.link_target)};
  add_step(finding.remedy, "Start the program that the file belongs to.", revival_of(file.link_target));
  add_step(finding.remedy, "Or write a file of your own, with your server in the place of SERVER.",
           {root_command({"sh", "-c", "rm /etc/resolv.conf && echo 'nameserver SERVER' > /etc/resolv.conf"})});
  findings.push_back(std::move(finding));
}

/// Whether names that are meant for a tunnel leave outside of it, now that the file decides.
struct Bypass {
  const ResolvedScope* tunnel = nullptr;  ///< a live scope that resolv.conf's readers do not use
  bool leaks = false;                     ///< the first server that they ask is reached outside of tunnels
};

Bypass bypass_of(const DnsFacts& facts) {
  Bypass bypass;
  const auto found = std::ranges::find_if(facts.live, [&](const auto* scope) { return is_of_tunnel(facts, *scope); });
  if (found == facts.live.end()) return bypass;
  bypass.tunnel = *found;
  const DnsServer* first = first_remote_server(facts);
  bypass.leaks = first != nullptr && leaves_outside(facts, way_to(facts, *first));
  return bypass;
}

void rate_bypass(const DnsFacts& facts, const Bypass& bypass, Finding& finding) {
  if (bypass.tunnel == nullptr) {
    finding.severity = Severity::kNotice;
    return;
  }
  finding.evidence.push_back(scope_evidence(facts, *bypass.tunnel));
  const std::string& tunnel = bypass.tunnel->interface;
  if (libc_asks_resolved(facts)) {
    finding.detail += fmt::format(
        " Programs that resolve through nsswitch.conf still use {}; dig, Go and containers do not.", tunnel);
    return;
  }
  finding.detail += fmt::format(" The servers of {} are not asked.", tunnel);
  if (bypass.leaks) finding.severity = Severity::kError;
}

/// Its link leads to systemd-resolved's file, but what is in there is not systemd-resolved's.
void add_written_over(const DnsFacts& facts, DnsFindings& findings) {
  const std::string writer = writer_of(facts.file());
  const std::string& path = facts.file().real_path.empty() ? facts.file().link_target : facts.file().real_path;
  Finding finding = make_finding("DNS002", {"file", facts.file().path});
  finding.title =
      fmt::format("The file of systemd-resolved behind {} was written over by {}", facts.file().path, writer);
  finding.detail =
      "The link leads to a file that names the stub 127.0.0.53 and nothing else; it names other servers now.";
  finding.evidence = {file_evidence(facts, "a link to " + path), server_lines(facts), first_note(facts)};
  rate_bypass(facts, bypass_of(facts), finding);
  const bool is_packaged = path.find("/run/") == std::string::npos;
  add_step(finding.remedy,
           is_packaged ? "Use the file that is kept up to date, and install the package's file again."
                       : "Let systemd-resolved write its file again.",
           is_packaged ? std::vector{link_to_stub()}
                       : std::vector{root_command({"systemctl", "restart", "systemd-resolved"})});
  findings.push_back(std::move(finding));
}

/// systemd-resolved is set up for links, and resolv.conf leads around it.
void add_foreign_file(const DnsFacts& facts, DnsFindings& findings) {
  const std::string writer = writer_of(facts.file());
  Finding finding = make_finding("DNS002", {"file", facts.file().path});
  finding.title = fmt::format("{} is written by {} and leads around systemd-resolved", facts.file().path, writer);
  finding.detail = "systemd-resolved has the servers of the links, but programs that read the file do not ask it.";
  finding.evidence = {server_lines(facts), first_note(facts)};
  rate_bypass(facts, bypass_of(facts), finding);
  add_step(finding.remedy, fmt::format("Lead it to systemd-resolved again, after {} was told not to write it.", writer),
           {link_to_stub()});
  findings.push_back(std::move(finding));
}

bool has_link_servers(const ResolvedState& resolved) {
  return std::ranges::any_of(resolved.scopes, [](const ResolvedScope& scope) {
    return scope.kind == ResolvedScope::Kind::kLink && !scope.servers.empty();
  });
}

/// NetworkManager writes the file itself, and does not find what it wrote.
bool expects_to_write(const NetworkManagerDns& manager, const ResolvConf& file) {
  const bool writes = manager.rc_manager == "file" || (manager.rc_manager == "symlink" && file.link_target.empty());
  return writes && (manager.mode == "default" || manager.mode == "dnsmasq") && !manager.entries.empty();
}

bool has_servers_of(const NetworkManagerDns& manager, const ResolvConf& file) {
  return std::ranges::all_of(file.used_servers, [&](const DnsServer& server) {
    return server.address.is_loopback() || std::ranges::any_of(manager.entries, [&](const auto& entry) {
             return std::ranges::find(entry.servers, server.address, &DnsServer::address) != entry.servers.end();
           });
  });
}

void check_manager_file(const DnsFacts& facts, const NetworkManagerDns& manager, DnsFindings& findings) {
  const ResolvConf& file = facts.file();
  const std::string owner = resolv_conf_owner(file).name;
  if (owner == "NetworkManager" || owner == "systemd-resolved") return;
  if (!expects_to_write(manager, file) || has_servers_of(manager, file)) return;
  Finding finding = make_finding("DNS002", {"file", file.path});
  if (owner.empty()) finding.confidence = Confidence::kLikely;
  finding.title = fmt::format("{} is NetworkManager's to write, but was replaced by {}", file.path, writer_of(file));
  finding.detail =
      "Both write the file: whoever comes last decides which servers are asked. NetworkManager writes again when a "
      "connection changes or its lease is renewed.";
  finding.evidence = {server_lines(facts), first_note(facts)};
  for (const auto& entry : manager.entries) {
    if (finding.evidence.size() < 4) finding.evidence.push_back(entry_evidence(facts, entry));
  }
  add_step(finding.remedy, "Let NetworkManager write its servers again.",
           {root_command({"nmcli", "general", "reload", "dns-rc"})});
  add_step(finding.remedy,
           "Or leave the file to the other program: rc-manager=unmanaged in the section [main] of "
           "/etc/NetworkManager/conf.d/dns.conf; or let both use systemd-resolved.");
  findings.push_back(std::move(finding));
}

}  // namespace

void check_replaced_file(const DnsFacts& facts, DnsFindings& findings) {
  const ResolvConf& file = facts.file();
  if (!file.exists) {
    if (!file.link_target.empty() && file.real_path.empty()) add_dangling(facts, findings);
    return;
  }
  if (leads_to_stub_file(file) && !names_stub(file)) return add_written_over(facts, findings);
  const ResolvedState* resolved = facts.resolved_here();
  const bool is_foreign = resolved != nullptr && resolved->resolv_conf_mode == "foreign";
  if (is_foreign && !names_stub(file) && has_link_servers(*resolved)) return add_foreign_file(facts, findings);
  if (const NetworkManagerDns* manager = facts.network_manager()) check_manager_file(facts, *manager, findings);
}

}  // namespace vpndoctor
