// SPDX-License-Identifier: Apache-2.0
// The scopes of a dnsmasq, with or without NetworkManager above it, in the shape of the overview.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "dns_nm_domains.h"
#include "dns_scope_views.h"

namespace vpndoctor {
namespace {

template <class T>
void add_new(std::vector<T>& list, const std::vector<T>& more) {
  for (const T& each : more) {
    if (std::ranges::find(list, each) == list.end()) list.push_back(each);
  }
}

/// The upstream of that address, whatever its port; null when there is none or upstreams are not known.
const DnsmasqUpstream* find_upstream(const DnsmasqInstance* instance, const DnsServer& server) {
  if (instance == nullptr || !instance->upstreams) return nullptr;
  const auto upstream = std::ranges::find_if(
      *instance->upstreams, [&server](const DnsmasqUpstream& each) { return each.server.address == server.address; });
  return upstream == instance->upstreams->end() ? nullptr : &*upstream;
}

/// NetworkManager lists each connection once a family; here an interface is one scope.
std::vector<DnsScopeView> views_by_interface(const NetworkManagerDns& network_manager) {
  std::vector<DnsScopeView> views;
  for (const NetworkManagerDnsEntry& entry : network_manager.entries) {
    auto view = std::ranges::find(views, entry.interface, &DnsScopeView::interface);
    if (view == views.end()) {
      DnsScopeView fresh;
      fresh.id = entry.interface.empty() ? "global" : entry.interface;
      fresh.interface = entry.interface;
      fresh.source = "NetworkManager over D-Bus";
      fresh.protocols = {"dns"};
      views.push_back(std::move(fresh));
      view = views.end() - 1;
    }
    add_new(view->servers, entry.servers);
    add_new(view->domains, entry.domains);
  }
  return views;
}

/// Whether dnsmasq has the servers, and whether it asks them for names of no domain.
void follow_upstreams(const DnsmasqInstance& instance, DnsScopeView& view) {
  bool any = false;
  bool is_default = false;
  for (const DnsServer& server : view.servers) {
    const DnsmasqUpstream* upstream = find_upstream(&instance, server);
    any = any || upstream != nullptr;
    is_default = is_default || (upstream != nullptr && upstream->domains.empty());
  }
  if (any && instance.domains_are_known) view.default_route = is_default;
  if (any || view.servers.empty() || !instance.upstreams.is_complete()) return;
  view.live = false;
  view.why_not_live = "dnsmasq does not have its servers";
}

void judge_life(const Snapshot& snapshot, const DnsmasqInstance* instance, DnsScopeView& view) {
  view.is_tunnel = is_tunnel(snapshot, view.interface);
  if (instance == nullptr || !instance->upstreams) {
    view.why_not_live = "what dnsmasq makes of it is not known";
  } else {
    view.live = true;
    follow_upstreams(*instance, view);
  }
  const std::string dead = why_link_is_dead(snapshot, view.interface);
  if (dead.empty()) return;
  view.live = false;
  view.why_not_live = "its link " + dead;
}

/// Where dnsmasq's own configuration does not tell which servers take the names of no domain, NetworkManager's rules
/// do.
void follow_rules(const NetworkManagerDomains& domains, DnsScopeView& view) {
  if (view.default_route || !domains.uncertain.empty()) return;
  for (const DnsServer& server : view.servers) {
    for (const DnsmasqUpstream& upstream : domains.upstreams) {
      if (upstream.server.address != server.address) continue;
      const bool is_default = std::ranges::find(upstream.domains, ".") != upstream.domains.end();
      view.default_route = view.default_route.value_or(false) || is_default;
    }
  }
}

std::string id_of(const DnsmasqUpstream& upstream) {
  std::string id = upstream.domains.empty() ? "dnsmasq" : fmt::format("dnsmasq {}", fmt::join(upstream.domains, " "));
  if (!upstream.interface.empty()) id += " " + upstream.interface;
  return id;
}

void add_upstream(const Snapshot& snapshot, const DnsmasqInstance& instance, const DnsmasqUpstream& upstream,
                  std::vector<DnsScopeView>& views) {
  const std::string id = id_of(upstream);
  if (const auto same = std::ranges::find(views, id, &DnsScopeView::id); same != views.end()) {
    add_new(same->servers, {upstream.server});
    return;
  }
  DnsScopeView view;
  view.id = id;
  view.interface = upstream.interface;
  view.is_tunnel = !upstream.interface.empty() && is_tunnel(snapshot, upstream.interface);
  view.servers = {upstream.server};
  for (const std::string& domain : upstream.domains) view.domains.push_back({domain, true});
  if (instance.domains_are_known) view.default_route = upstream.domains.empty();
  view.protocols = {"dns"};
  view.source = fmt::format("dnsmasq on {}", instance.listens_on.to_string());
  const std::string dead = why_link_is_dead(snapshot, upstream.interface);
  view.live = dead.empty();
  if (!dead.empty()) view.why_not_live = "its link " + dead;
  views.push_back(std::move(view));
}

}  // namespace

std::vector<DnsScopeView> scopes_of_dnsmasq(const Snapshot& snapshot, const DnsmasqInstance& instance) {
  std::vector<DnsScopeView> views;
  if (instance.upstreams) {
    for (const DnsmasqUpstream& upstream : *instance.upstreams) add_upstream(snapshot, instance, upstream, views);
    return views;
  }
  DnsScopeView view;
  view.id = "dnsmasq";
  view.why_not_live = "its upstreams are not known: " + instance.upstreams.why_missing();
  view.source = fmt::format("dnsmasq on {}", instance.listens_on.to_string());
  return {std::move(view)};
}

std::vector<DnsScopeView> scopes_of_network_manager(const Snapshot& snapshot, const NetworkManagerDns& network_manager,
                                                    const DnsmasqInstance* instance) {
  std::vector<DnsScopeView> views = views_by_interface(network_manager);
  const auto domains = network_manager_domains(snapshot);
  for (DnsScopeView& view : views) {
    judge_life(snapshot, instance, view);
    if (domains) follow_rules(*domains, view);
  }
  if (instance == nullptr || !instance->upstreams) return views;
  const auto is_shown = [&views](const DnsServer& server) {
    return std::ranges::any_of(views, [&server](const DnsScopeView& view) {
      return std::ranges::find(view.servers, server.address, &DnsServer::address) != view.servers.end();
    });
  };
  std::vector<DnsScopeView> others;
  for (const DnsmasqUpstream& upstream : *instance->upstreams) {
    if (!is_shown(upstream.server)) add_upstream(snapshot, *instance, upstream, others);
  }
  views.insert(views.end(), std::make_move_iterator(others.begin()), std::make_move_iterator(others.end()));
  return views;
}

}  // namespace vpndoctor
