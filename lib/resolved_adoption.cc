// SPDX-License-Identifier: Apache-2.0
// What systemd-resolved makes of a foreign resolv.conf; see the header. What glibc ignores and the daemon does not
// (indented lines, a `search` line before the last one) is in no snapshot: what is there already and goes beyond the
// file may come from that.
#include "resolved_adoption.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "resolved_names.h"

namespace vpndoctor {

namespace {

constexpr std::size_t kMostServers = 256;  // MANAGER_DNS_SERVERS_MAX
constexpr std::size_t kMostDomains = 256;  // MANAGER_SEARCH_DOMAINS_MAX

/// dns_server_address_valid(): not its own stubs, so that it does not ask itself, and not "any address".
bool is_taken(const DnsServer& server) {
  static constexpr std::array<std::string_view, 2> kStubs = {"127.0.0.53", "127.0.0.54"};
  return !server.address.is_unspecified() && std::ranges::count(kStubs, server.address.to_string()) == 0;
}

std::vector<DnsServer> servers_of(const ResolvConf& file) {
  std::vector<DnsServer> servers;
  for (const DnsServer& server : file.nameservers) {
    if (servers.size() == kMostServers) break;
    if (is_taken(server) && std::ranges::count(servers, server) == 0) servers.push_back(server);
  }
  return servers;
}

/// manager_add_search_domain_by_string(): "~" works here as well, and the root is route-only.
std::vector<DnsDomain> domains_of(const ResolvConf& file) {
  std::vector<DnsDomain> domains;
  for (const std::string& written : file.search) {
    if (domains.size() == kMostDomains) break;
    DnsDomain domain{written, written.starts_with('~')};
    if (domain.route_only) domain.name.erase(0, 1);
    domain.name = canonical_dns_name(domain.name);
    if (domain.name == "*") domain.name = ".";
    if (domain.name == ".") domain.route_only = true;
    const auto known = std::ranges::find(domains, domain.name, &DnsDomain::name);
    if (known != domains.end()) {
      known->route_only = domain.route_only;  // the last one counts
    } else if (is_valid_dns_name(domain.name)) {
      domains.push_back(std::move(domain));
    }
  }
  return domains;
}

/// file_is_our_own(), by the name: the inode is not known here.
bool is_own_file(const ResolvConf& file) {
  const std::string& path = file.real_path.empty() ? file.link_target : file.real_path;
  return path.ends_with("systemd/resolve/stub-resolv.conf") || path.ends_with("systemd/resolve/resolv.conf") ||
         path.ends_with("lib/systemd/resolv.conf");
}

/// All of `part` is in `whole`, in this order.
template <class T>
bool is_within(const std::vector<T>& part, const std::vector<T>& whole) {
  auto next = part.begin();
  for (const T& each : whole) {
    if (next != part.end() && *next == each) ++next;
  }
  return next == part.end();
}

bool has_its_own_settings(const ResolvedState& state) {
  return state.settings.is_known() && (!state.settings->dns.empty() || !state.settings->domains.empty());
}

/// Somebody else's file is, or may be, what the daemon finds.
bool may_read_file(const Snapshot& snapshot) {
  const ResolvedState& state = *snapshot.dns.resolved;
  if (has_its_own_settings(state)) return false;
  return state.resolv_conf_mode.empty() || state.resolv_conf_mode == "foreign";
}

/// Why the daemon may not take over what the file says; empty: it does.
std::string why_kept(const ResolvedState& state, const ResolvConf& file) {
  if (!state.settings.is_known()) {
    return fmt::format("whether systemd-resolved reads {} is not known ({})", file.path, state.settings.why_missing());
  }
  if (!state.settings.is_complete()) {
    return fmt::format("whether systemd-resolved reads {} is not known ({})", file.path,
                       state.settings.limits().front());
  }
  if (state.resolv_conf_mode == "foreign" && is_own_file(file)) {
    return fmt::format("systemd-resolved finds another program's {} than was read here", file.path);
  }
  if (state.resolv_conf_mode.empty() && !file.mount_source.empty()) {
    return fmt::format("whether systemd-resolved takes {} for its own is not known", file.path);
  }
  return {};
}

/// True for a word that glibc takes for no server and the daemon does: it has a port or a name.
bool has_unseen_servers(const ResolvConf& file) {
  return std::ranges::any_of(file.not_servers, [](const std::string& text) {
    return DnsServer::parse(text.substr(0, text.find('#'))).has_value();
  });
}

}  // namespace

std::string why_adoption_unknown(const Snapshot& snapshot) {
  if (!may_read_file(snapshot) || snapshot.dns.resolv_conf.is_known()) return {};
  if (snapshot.dns.resolved->resolv_conf_mode.empty()) return {};
  return fmt::format("systemd-resolved reads another program's resolv.conf, which is not known ({})",
                     snapshot.dns.resolv_conf.why_missing());
}

std::optional<ResolvedAdoption> adopted_global_scope(const Snapshot& snapshot, const ResolvedScope& now) {
  if (!may_read_file(snapshot) || !snapshot.dns.resolv_conf.is_known()) return std::nullopt;
  const ResolvedState& state = *snapshot.dns.resolved;
  const ResolvConf& file = *snapshot.dns.resolv_conf;
  if (!file.exists || (state.resolv_conf_mode.empty() && is_own_file(file))) return std::nullopt;
  ResolvedAdoption adoption{now, why_kept(state, file)};
  adoption.global.servers = servers_of(file);
  adoption.global.domains = domains_of(file);
  adoption.global.current_server.reset();
  const bool is_read =
      is_within(adoption.global.servers, now.servers) && is_within(adoption.global.domains, now.domains);
  const bool has_more =
      now.servers.size() > adoption.global.servers.size() || now.domains.size() > adoption.global.domains.size();
  if (is_read && !has_more) return std::nullopt;
  if (!adoption.uncertain.empty()) return adoption;
  if (is_read && !now.servers.empty() && !adoption.global.servers.empty()) {
    adoption.uncertain =
        fmt::format("whether systemd-resolved has read {} since it was written is not known", file.path);
  } else if (has_unseen_servers(file)) {
    adoption.uncertain =
        fmt::format("{} has nameserver lines that glibc and systemd-resolved read differently", file.path);
  }
  return adoption;
}

}  // namespace vpndoctor
