// SPDX-License-Identifier: Apache-2.0
// Writes snapshot files: the header, then every facet with its records, then how many there were.
#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "hex.h"
#include "json_members.h"
#include "snapshot_records.h"
#include "timestamp.h"
#include "vpndoctor/network_json.h"
#include "vpndoctor/snapshot_file.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kPiece = 1U << 16U;

void write_header(JsonWriter& json, const Snapshot& snapshot) {
  json.field("format", kSnapshotFormat).field("version", fmt::format("{}.{}", kSnapshotMajor, kSnapshotMinor));
  json.field("tool_version", snapshot.tool_version).field("taken_at", to_timestamp(snapshot.taken_at));
  json.field("platform", snapshot.platform == Platform::kLinux ? "linux" : "macos");
  json.field_or_null("kernel_release", snapshot.kernel_release).field_or_null("host_name", snapshot.host_name);
  json.field("namespace_inode", snapshot.namespace_inode).field("stable", snapshot.stable);
}

/// Gathers lines, counts records and gives pieces to the sink until it stops.
class FileWriter {
 public:
  FileWriter(const Snapshot& snapshot, const TextSink& sink) : snapshot_(&snapshot), sink_(&sink) {
    text_.reserve(2 * kPiece);
  }

  bool write();

 private:
  template <class WriteMembers>
  void line(WriteMembers write_members) {
    if (stopped_) return;
    JsonWriter json(text_);
    json.begin_object();
    write_members(json);
    json.end_object();
    text_ += '\n';
    if (text_.size() >= kPiece) flush();
  }

  template <class WriteMembers>
  void record(Facet facet, std::string_view kind, WriteMembers write_members) {
    ++counts_[static_cast<std::size_t>(facet)];
    line([&](JsonWriter& json) { write_members(json.field("record", kind)); });
  }

  /// Writes what is known of a facet as a whole, then a record for each of its entries.
  template <class T, class WriteEntries>
  void facet(Facet facet, const Observed<T>& observed, WriteEntries write_entries) {
    line([&](JsonWriter& json) {
      json.field("record", "facet").field("facet", facet_name(facet));
      if (observed) {
        json.field("source", observed.source());
      } else {
        json.field("missing", observed.why_missing());
        if (observed.is_absent()) json.field("absent", true);
      }
      JsonMembers(json, true).list("limits", observed.limits());
    });
    if (observed) write_entries(*observed);
  }

  template <class T, class WriteMembers>
  void list_facet(Facet facet_of, std::string_view kind, const Observed<std::vector<T>>& observed,
                  WriteMembers write_members) {
    facet(facet_of, observed, [&](const std::vector<T>& entries) {
      for (const T& each : entries) {
        record(facet_of, kind, [&](JsonWriter& json) { write_members(json, each); });
      }
    });
  }

  /// A facet that is one record.
  template <class T>
  void single_facet(Facet facet_of, std::string_view kind, const Observed<T>& observed) {
    facet(facet_of, observed,
          [&](const T& entry) { record(facet_of, kind, [&](JsonWriter& json) { write_members(json, entry); }); });
  }
  template <class T>
  void members_list_facet(Facet facet_of, std::string_view kind, const Observed<std::vector<T>>& observed) {
    list_facet(facet_of, kind, observed, [](JsonWriter& json, const T& entry) { write_members(json, entry); });
  }
  /// A record for what stands alone, then one for each of its entries.
  template <class T, class Entry>
  void nested_facet(Facet facet_of, const Observed<T>& observed, const std::vector<Entry> T::* entries,
                    std::array<std::string_view, 2> kinds) {
    facet(facet_of, observed, [&](const T& whole) {
      record(facet_of, kinds[0], [&](JsonWriter& json) { write_members(json, whole); });
      for (const Entry& each : whole.*entries) {
        record(facet_of, kinds[1], [&](JsonWriter& json) { write_members(json, each); });
      }
    });
  }

  void write_routes(const RouteTable& table);
  void write_settings(const RoutingSettings& settings);
  void write_interface_settings(Family family, const std::map<std::string, InterfaceSettings>& settings);
  void write_names(const NumberNames& names);
  void write_dns(const DnsConfiguration& dns);
  void write_firewall(const Firewall& firewall);
  void write_leaks(const Snapshot& snapshot);
  void write_tunnels(const std::vector<Tunnel>& tunnels);
  void write_activity(const TunnelActivity& activity);
  void write_peers(Facet facet, std::string_view kind, const std::vector<WireguardPeer>& peers, std::string_view look);
  /// Writes what a record has not of a list, in records of the kind's name with "_more".
  template <class T, class WriteList>
  void write_rest(Facet facet, std::string_view kind, const std::vector<T>& list, WriteList write_list) {
    for (std::size_t at = kMostInRecord; at < list.size(); at += kMostInRecord) {
      const auto part = std::span(list).subspan(at, std::min(kMostInRecord, list.size() - at));
      record(facet, kind, [&](JsonWriter& json) { write_list(json, part); });
    }
  }
  void flush() {
    stopped_ = stopped_ || !(*sink_)(text_);
    text_.clear();
  }

  const Snapshot* snapshot_;
  const TextSink* sink_;
  std::string text_;
  std::array<std::uint64_t, kFacetNames.size()> counts_{};
  bool stopped_ = false;
};

bool FileWriter::write() {
  const Snapshot& snapshot = *snapshot_;
  line([&](JsonWriter& json) { write_header(json, snapshot); });
  list_facet(Facet::kLinks, "link", snapshot.links,
             [](JsonWriter& json, const Link& link) { write_link_members(json, link, true); });
  list_facet(Facet::kAddresses, "address", snapshot.addresses,
             [](JsonWriter& json, const Address& address) { write_address_members(json, address, true); });
  facet(Facet::kRoutes, snapshot.routes, [&](const RouteTable& table) { write_routes(table); });
  list_facet(Facet::kRules, "rule", snapshot.rules,
             [&](JsonWriter& json, const Rule& rule) { write_rule_members(json, snapshot, rule, true); });
  list_facet(Facet::kNextHopObjects, "nexthop", snapshot.next_hop_objects, write_next_hop_object);
  list_facet(Facet::kNeighbours, "neighbour", snapshot.neighbours, write_neighbour);
  facet(Facet::kSettings, snapshot.settings, [&](const RoutingSettings& settings) { write_settings(settings); });
  facet(Facet::kTunnels, snapshot.tunnels, [&](const std::vector<Tunnel>& tunnels) { write_tunnels(tunnels); });
  facet(Facet::kNames, snapshot.names, [&](const NumberNames& names) { write_names(names); });
  write_dns(snapshot.dns);
  write_leaks(snapshot);
  line([&](JsonWriter& json) {
    json.field("record", "end");
    for (std::size_t i = 0; i < counts_.size(); ++i) json.field(kFacetNames[i], counts_[i]);
  });
  flush();
  return !stopped_;
}

void FileWriter::write_routes(const RouteTable& table) {
  RouteJsonWriter writer(*snapshot_, true);
  for (const Route& route : table.routes) {
    record(Facet::kRoutes, "route", [&](JsonWriter& json) { writer.write_members(json, route); });
  }
}

void FileWriter::write_settings(const RoutingSettings& settings) {
  record(Facet::kSettings, "settings", [&](JsonWriter& json) {
    JsonMembers members(json, true);
    for (const auto& field : kRoutingSettings) members.maybe(field.name, settings.*field.value);
  });
  write_interface_settings(Family::kInet, settings.inet);
  write_interface_settings(Family::kInet6, settings.inet6);
}

void FileWriter::write_interface_settings(Family family, const std::map<std::string, InterfaceSettings>& settings) {
  for (const auto& [interface, values] : settings) {
    record(Facet::kSettings, "interface_settings", [&](JsonWriter& json) {
      json.field("family", family_name(family)).field("interface", interface);
      JsonMembers members(json, true);
      for (const auto& field : kInterfaceSettings) members.maybe(field.name, values.*field.value);
    });
  }
}

void FileWriter::write_names(const NumberNames& names) {
  for (std::size_t thing = 0; thing < kNumberedThings.size(); ++thing) {
    for (const auto& [number, name] : *names_of(names, thing)) {
      record(Facet::kNames, "name", [&](JsonWriter& json) {
        json.field("of", kNumberedThings[thing]).field("number", number).field("name", name);
      });
    }
  }
}

void FileWriter::write_dns(const DnsConfiguration& dns) {
  single_facet(Facet::kResolvConf, "resolv_conf", dns.resolv_conf);
  single_facet(Facet::kNameServiceSwitch, "name_service_switch", dns.name_service_switch);
  members_list_facet(Facet::kHosts, "host", dns.hosts);
  single_facet(Facet::kNameServiceCache, "name_service_cache", dns.name_service_cache);
  nested_facet(Facet::kResolved, dns.resolved, &ResolvedState::scopes, {"resolved", "resolved_scope"});
  single_facet(Facet::kResolvedSettings, "resolved_settings",
               dns.resolved ? dns.resolved->settings : Observed<ResolvedSettings>::missing(dns.resolved.why_missing()));
  nested_facet(Facet::kNetworkManager, dns.network_manager, &NetworkManagerDns::entries,
               {"network_manager", "network_manager_entry"});
  members_list_facet(Facet::kDnsmasq, "dnsmasq", dns.dnsmasq);
  members_list_facet(Facet::kDnsListeners, "dns_listener", dns.listeners);
  members_list_facet(Facet::kResolvConfBackups, "resolv_conf_backup", dns.backups);
  nested_facet(Facet::kMacosDns, dns.macos, &MacosDns::resolvers, {"macos_dns", "macos_resolver"});
}

void FileWriter::write_tunnels(const std::vector<Tunnel>& tunnels) {
  for (const Tunnel& tunnel : tunnels) {
    record(Facet::kTunnels, "tunnel", [&](JsonWriter& json) { write_members(json, tunnel); });
    write_rest(Facet::kTunnels, "tunnel_more", tunnel.endpoints, write_endpoints);
    write_rest(Facet::kTunnels, "tunnel_more", tunnel.outer_sockets, write_outer_sockets);
    if (tunnel.peers) write_peers(Facet::kTunnels, "tunnel_peer", *tunnel.peers, {});
  }
}

void FileWriter::write_peers(Facet facet, std::string_view kind, const std::vector<WireguardPeer>& peers,
                             std::string_view look) {
  const auto write_look = [look](JsonWriter& json) {
    if (!look.empty()) json.field("look", look);
  };
  for (const WireguardPeer& peer : peers) {
    record(facet, kind, [&](JsonWriter& json) {
      write_look(json);
      write_members(json, peer);
    });
    write_rest(facet, fmt::format("{}_more", kind), peer.allowed_ips,
               [&](JsonWriter& json, std::span<const AllowedIp> part) {
                 write_look(json);
                 write_allowed_ips(json, part);
               });
  }
}

void FileWriter::write_activity(const TunnelActivity& activity) {
  record(Facet::kActivity, "activity", [&](JsonWriter& json) { write_members(json, activity); });
  for (const InterfaceActivity& each : activity.interfaces) {
    record(Facet::kActivity, "interface_activity", [&](JsonWriter& json) { write_members(json, each); });
    write_peers(Facet::kActivity, "activity_peer", each.first_peers, "first");
    write_peers(Facet::kActivity, "activity_peer", each.last_peers, "last");
  }
}

void FileWriter::write_firewall(const Firewall& firewall) {
  const auto one = [this](std::string_view kind, const auto& entry) {
    record(Facet::kFirewall, kind, [&](JsonWriter& json) { write_members(json, entry); });
  };
  one("firewall", firewall);
  for (const FirewallTable& table : firewall.tables) {
    one("firewall_table", table);
    for (const FirewallChain& chain : table.chains) {
      one("firewall_chain", chain);
      for (const FirewallRule& rule : chain.rules) one("firewall_rule", rule);
    }
    for (const FirewallSet& set : table.sets) {
      one("firewall_set", set);
      const std::span<const FirewallElement> elements(set.elements);
      for (std::size_t at = 0; at < elements.size(); at += kMostElementsInRecord) {
        one("firewall_elements", elements.subspan(at, std::min(kMostElementsInRecord, elements.size() - at)));
      }
    }
  }
}

void FileWriter::write_leaks(const Snapshot& snapshot) {
  facet(Facet::kActivity, snapshot.activity, [&](const TunnelActivity& activity) { write_activity(activity); });
  facet(Facet::kXfrm, snapshot.xfrm, [&](const Xfrm& xfrm) {
    record(Facet::kXfrm, "xfrm", [&](JsonWriter& json) { write_members(json, xfrm); });
    for (const XfrmPolicy& each : xfrm.policies) {
      record(Facet::kXfrm, "xfrm_policy", [&](JsonWriter& json) { write_members(json, each); });
    }
    for (const XfrmState& each : xfrm.states) {
      record(Facet::kXfrm, "xfrm_state", [&](JsonWriter& json) { write_members(json, each); });
    }
  });
  facet(Facet::kFirewall, snapshot.firewall, [&](const Firewall& firewall) { write_firewall(firewall); });
  facet(Facet::kLeases, snapshot.leases, [&](const std::vector<InterfaceConfiguration>& leases) {
    for (const InterfaceConfiguration& each : leases) {
      record(Facet::kLeases, "lease", [&](JsonWriter& json) { write_members(json, each); });
      write_rest(Facet::kLeases, "lease_more", each.ways, write_ways);
    }
  });
  members_list_facet(Facet::kVpnSigns, "vpn_sign", snapshot.vpn_signs);
}

}  // namespace

bool write_snapshot(const Snapshot& snapshot, const TextSink& sink) { return FileWriter(snapshot, sink).write(); }

}  // namespace vpndoctor
