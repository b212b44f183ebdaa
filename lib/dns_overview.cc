// SPDX-License-Identifier: Apache-2.0
// Who answers the names of libc programs on this machine, and the scopes that it has; see the header.
#include "vpndoctor/dns_overview.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "dns_checks.h"
#include "dns_scope_views.h"

namespace vpndoctor {
namespace {

struct Model {
  DnsModel model = DnsModel::kUnknown;
  const DnsmasqInstance* dnsmasq = nullptr;  ///< the one that is asked
};

bool runs_resolved(const DnsConfiguration& dns) { return dns.resolved && dns.resolved->runs.value_or(true); }

/// systemd-resolved's own listeners, src/resolve/resolved-util.h: INADDR_DNS_STUB, INADDR_DNS_PROXY_STUB.
bool is_stub(const IpAddress& address) {
  return address.family == Family::kInet && address.is_loopback() && address.bytes[1] == 0 && address.bytes[2] == 0 &&
         (address.bytes[3] == 53 || address.bytes[3] == 54);
}

const DnsmasqInstance* find_dnsmasq(const DnsConfiguration& dns, const DnsServer& server) {
  if (!dns.dnsmasq) return nullptr;
  const auto instance = std::ranges::find_if(*dns.dnsmasq, [&server](const DnsmasqInstance& each) {
    return each.listens_on.address == server.address && each.listens_on.port == server.port;
  });
  return instance == dns.dnsmasq->end() ? nullptr : &*instance;
}

/// NetworkManager says that it runs one, which nobody could ask.
bool runs_managed_dnsmasq(const DnsConfiguration& dns) {
  return dns.network_manager && dns.network_manager->foreign.empty() && dns.network_manager->mode == "dnsmasq";
}

/// What a program that reads resolv.conf asks: only the first server decides, for the others wait until it fails.
Model model_of_resolv_conf(const DnsConfiguration& dns) {
  if (!dns.resolv_conf) return {};
  if (dns.resolv_conf->used_servers.empty()) return {DnsModel::kResolvConf, nullptr};
  const DnsServer& first = dns.resolv_conf->used_servers.front();
  if (is_stub(first.address) && runs_resolved(dns)) return {DnsModel::kResolved, nullptr};
  if (const DnsmasqInstance* instance = find_dnsmasq(dns, first)) {
    const bool is_managed = instance->belongs_to_network_manager;
    return {is_managed ? DnsModel::kNetworkManagerDnsmasq : DnsModel::kDnsmasq, instance};
  }
  const bool is_managed = first.address.is_loopback() && !is_stub(first.address) && runs_managed_dnsmasq(dns);
  return {is_managed ? DnsModel::kNetworkManagerDnsmasq : DnsModel::kResolvConf, nullptr};
}

/// It could not be asked whether it runs, which is not that there is none.
bool may_run_resolved(const DnsConfiguration& dns) { return !dns.resolved && !dns.resolved.is_absent(); }

/// The NSS module that libc asks for names that no file has: `resolve` when it is there and answers, else `dns`.
bool prefers_resolved(const DnsConfiguration& dns) {
  if (!dns.name_service_switch) return false;
  for (const NssService& service : dns.name_service_switch->hosts) {
    if (service.name == "resolve" && service.is_installed.value_or(true)) return true;
    if (service.name == "dns") return false;
  }
  return false;
}

Model model_of(const Snapshot& snapshot) {
  const DnsConfiguration& dns = snapshot.dns;
  if (snapshot.platform == Platform::kMacos) return {dns.macos ? DnsModel::kMacos : DnsModel::kUnknown, nullptr};
  if (prefers_resolved(dns) && may_run_resolved(dns)) return {};
  if (prefers_resolved(dns) && runs_resolved(dns)) return {DnsModel::kResolved, nullptr};
  const Model model = model_of_resolv_conf(dns);
  if (model.model != DnsModel::kUnknown) return model;
  return {runs_resolved(dns) ? DnsModel::kResolved : DnsModel::kUnknown, nullptr};
}

void add(std::vector<DnsScopeView>& scopes, std::vector<DnsScopeView> more) {
  scopes.insert(scopes.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

/// Ids are unique: what has the name of another is told apart by a number.
void number_equal_ids(std::vector<DnsScopeView>& scopes) {
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    const auto before = std::ranges::subrange(scopes.begin(), scopes.begin() + static_cast<std::ptrdiff_t>(i));
    const std::string id = scopes[i].id;
    for (unsigned number = 2; std::ranges::find(before, scopes[i].id, &DnsScopeView::id) != before.end(); ++number) {
      scopes[i].id = id + " #" + std::to_string(number);
    }
  }
}

/// systemd-resolved beside another model: nobody is led to it, yet it answers those who ask.
std::vector<DnsScopeView> scopes_beside(const Snapshot& snapshot) {
  if (!runs_resolved(snapshot.dns)) return {};
  std::vector<DnsScopeView> scopes = scopes_of_resolved(snapshot, *snapshot.dns.resolved);
  std::erase_if(scopes, [](const DnsScopeView& scope) { return scope.servers.empty() && scope.domains.empty(); });
  for (DnsScopeView& scope : scopes) scope.id = "systemd-resolved " + scope.id;
  return scopes;
}

std::vector<DnsScopeView> scopes_of(const Snapshot& snapshot, const Model& model) {
  const DnsConfiguration& dns = snapshot.dns;
  std::vector<DnsScopeView> scopes;
  switch (model.model) {
    case DnsModel::kResolved:
      return scopes_of_resolved(snapshot, *dns.resolved);
    case DnsModel::kMacos:
      return scopes_of_macos(snapshot, *dns.macos);
    case DnsModel::kDnsmasq:
      scopes = scopes_of_dnsmasq(snapshot, *model.dnsmasq);
      break;
    case DnsModel::kNetworkManagerDnsmasq:
      scopes = dns.network_manager ? scopes_of_network_manager(snapshot, *dns.network_manager, model.dnsmasq)
                                   : scopes_of_dnsmasq(snapshot, *model.dnsmasq);
      break;
    case DnsModel::kResolvConf:
      scopes = scopes_of_resolv_conf(snapshot, dns.resolv_conf);
      break;
    case DnsModel::kUnknown:
      return {};
  }
  add(scopes, scopes_beside(snapshot));
  return scopes;
}

std::string why_model_unknown(const Snapshot& snapshot) {
  if (snapshot.platform == Platform::kMacos) return snapshot.dns.macos.why_missing();
  const bool hides_resolved = prefers_resolved(snapshot.dns) && may_run_resolved(snapshot.dns);
  return hides_resolved ? snapshot.dns.resolved.why_missing() : snapshot.dns.resolv_conf.why_missing();
}

}  // namespace

const char* dns_model_name(DnsModel model) {
  switch (model) {
    case DnsModel::kResolved:
      return "systemd-resolved";
    case DnsModel::kResolvConf:
      return "resolv.conf";
    case DnsModel::kNetworkManagerDnsmasq:
      return "networkmanager-dnsmasq";
    case DnsModel::kDnsmasq:
      return "dnsmasq";
    case DnsModel::kMacos:
      return "macos";
    case DnsModel::kUnknown:
      break;
  }
  return "unknown";
}

DnsOverview overview_of_dns(const Snapshot& snapshot) {
  const Model model = model_of(snapshot);
  DnsOverview overview;
  overview.model = model.model;
  if (model.model == DnsModel::kUnknown) overview.why_unknown = why_model_unknown(snapshot);
  if (snapshot.dns.resolv_conf) overview.owner = resolv_conf_owner(*snapshot.dns.resolv_conf);
  overview.scopes = scopes_of(snapshot, model);
  number_equal_ids(overview.scopes);
  return overview;
}

}  // namespace vpndoctor
