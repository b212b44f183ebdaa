// SPDX-License-Identifier: Apache-2.0
// Tunnels in the leaks command's `data`: the judgement with the facts that it rests on.
#include <fmt/format.h>

#include <algorithm>

#include "leaks_json_parts.h"
#include "units.h"

namespace vpndoctor {
namespace {

void write_holder(JsonWriter& json, const Tunnel* facts) {
  json.key("holder");
  if (facts == nullptr || !facts->holder_pid) {
    json.null();
  } else {
    json.begin_object().field("pid", *facts->holder_pid).field_or_null("name", facts->holder_name);
    json.field_or_null("state", facts->holder_state == 0 ? "" : std::string(1, facts->holder_state));
    json.field("is_elsewhere", facts->holder_is_elsewhere).end_object();
  }
  json.field_or_null("holder_unknown_because", facts == nullptr ? "it was not looked for" : facts->holder_not_seen);
}

void write_endpoint(JsonWriter& json, const IpAddress& address, std::optional<std::uint16_t> port) {
  json.begin_object().field("address", address).field("port", port).end_object();
}

void write_outer(JsonWriter& json, const Tunnel& facts) {
  json.key("endpoints").begin_array();
  for (const OuterEndpoint& each : facts.endpoints) write_endpoint(json, each.address, each.port);
  json.end_array().field("listen_port", facts.listen_port).field("mark", facts.mark);
  json.field("outer_is_elsewhere", facts.outer_is_elsewhere).field_or_null("not_seen", facts.not_seen);
}

/// Seconds from the handshake to the last look; null: never.
std::optional<std::int64_t> handshake_age(const Snapshot& snapshot, const WireguardPeer& peer) {
  if (!peer.last_handshake) return std::nullopt;
  const auto now = snapshot.activity ? snapshot.activity->ended_at : snapshot.taken_at;
  return std::max<std::int64_t>(std::chrono::floor<std::chrono::seconds>(now - *peer.last_handshake).count(), 0);
}

void write_peer(JsonWriter& json, const Snapshot& snapshot, const WireguardPeer& peer) {
  json.begin_object().field_or_null("public_key", peer.public_key).key("endpoint");
  if (peer.endpoint) {
    write_endpoint(json, *peer.endpoint, peer.endpoint_port);
  } else {
    json.null();
  }
  json.key("allowed_ips").begin_array();
  for (const AllowedIp& each : peer.allowed_ips) {
    json.value(fmt::format("{}/{}", each.address.to_string(), each.prefix_length));
  }
  json.end_array().field_or_null("last_handshake_at", peer.last_handshake ? timestamp(*peer.last_handshake) : "");
  json.field("last_handshake_age_seconds", handshake_age(snapshot, peer));
  json.field("received_bytes", peer.received_bytes).field("sent_bytes", peer.sent_bytes);
  json.key("keepalive_seconds");
  if (peer.keepalive) {
    json.value(peer.keepalive->count());
  } else {
    json.null();
  }
  json.end_object();
}

void write_peers(JsonWriter& json, const Snapshot& snapshot, const Tunnel& facts) {
  json.key("peers");
  if (!facts.peers) {
    json.null();
    return;
  }
  json.begin_array();
  for (const WireguardPeer& peer : *facts.peers) write_peer(json, snapshot, peer);
  json.end_array();
}

void write_look(JsonWriter& json, const char* name, const InterfaceCounters& counters) {
  json.key(name).begin_object().field("received_packets", counters.received_packets);
  json.field("received_bytes", counters.received_bytes).field("sent_packets", counters.sent_packets);
  json.field("sent_bytes", counters.sent_bytes).field("sent_dropped", counters.sent_dropped);
  json.field("queued_packets", counters.queued_packets).end_object();
}

void write_counters(JsonWriter& json, const Snapshot& snapshot, const std::string& interface) {
  json.key("counters");
  if (snapshot.activity) {
    const auto& all = snapshot.activity->interfaces;
    const auto each = std::ranges::find(all, interface, &InterfaceActivity::interface);
    if (each != all.end()) {
      json.begin_object().field("interval_ms", snapshot.activity->interval.count());
      write_look(json, "first", each->first);
      write_look(json, "last", each->last);
      json.end_object();
      return;
    }
  }
  json.null();
}

void write_evidence(JsonWriter& json, const std::vector<Evidence>& evidence) {
  json.key("evidence").begin_array();
  for (const Evidence& each : evidence) {
    json.begin_object().field("kind", each.kind).field("source", each.source).field("text", each.text).end_object();
  }
  json.end_array();
}

void write_tunnel(JsonWriter& json, const Snapshot& snapshot, const TunnelReport& tunnel) {
  const Tunnel* facts = snapshot.find_tunnel(tunnel.interface);
  json.new_line().begin_object().field("interface", tunnel.interface).field_or_null("kind", tunnel.kind);
  json.field("state", tunnel_state_name(tunnel.state)).field_or_null("why", tunnel.why);
  write_holder(json, facts);
  json.field_or_null("owner", tunnel.owner).key("addresses").begin_array();
  for (const IpPrefix& address : tunnel.addresses) json.value(address);
  json.end_array().field("routes_count", tunnel.routes_count).field("rules_count", tunnel.rules_count);
  json.field("dns_scopes", tunnel.dns_scopes);
  const Tunnel nothing;
  write_outer(json, facts == nullptr ? nothing : *facts);
  write_counters(json, snapshot, tunnel.interface);
  write_peers(json, snapshot, facts == nullptr ? nothing : *facts);
  write_evidence(json, tunnel.evidence);
  json.end_object();
}

}  // namespace

void write_tunnels(JsonWriter& json, const LeaksReport& report) {
  json.begin_array();
  for (const TunnelReport& tunnel : report.tunnels) write_tunnel(json, *report.snapshot, tunnel);
  json.end_array();
}

}  // namespace vpndoctor
