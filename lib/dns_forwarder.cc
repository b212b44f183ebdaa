// SPDX-License-Identifier: Apache-2.0
// The local resolvers that can be followed: systemd-resolved's stub and dnsmasq; others are named.
#include "dns_forwarder.h"

#include <fmt/format.h>

#include <algorithm>

#include "dns_checks.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostColumns = 60;

bool is_at(const DnsServer& server, std::string_view address) { return server.address.to_string() == address; }

/// True for the stub and the proxy of systemd-resolved.
bool is_resolved_address(const DnsServer& server) { return is_at(server, "127.0.0.53") || is_at(server, "127.0.0.54"); }

const DnsListener* listener_at(const Snapshot& snapshot, const DnsServer& server) {
  if (!snapshot.dns.listeners) return nullptr;
  const auto is_it = [&](const DnsListener& listener) {
    const IpAddress& address = listener.server.address;
    const bool fits =
        address == server.address ||
        (address.is_unspecified() && (address.family == Family::kInet6 || address.family == server.address.family));
    return fits && listener.server.port == server.port;
  };
  const auto found = std::ranges::find_if(*snapshot.dns.listeners, is_it);
  return found == snapshot.dns.listeners->end() ? nullptr : &*found;
}

/// The dnsmasq that listens there, by its address or, when it listens on all of them, by its process.
const DnsmasqInstance* dnsmasq_at(const Snapshot& snapshot, const DnsServer& server) {
  if (!snapshot.dns.dnsmasq) return nullptr;
  const DnsListener* listener = listener_at(snapshot, server);
  const DnsmasqInstance* by_process = nullptr;
  for (const DnsmasqInstance& instance : *snapshot.dns.dnsmasq) {
    if (instance.listens_on.port != server.port) continue;
    if (instance.listens_on.address == server.address) return &instance;
    if (listener != nullptr && listener->pid && listener->pid == instance.pid) by_process = &instance;
  }
  return by_process;
}

DnsForwarder stub(const Snapshot& snapshot, const DnsQuestion& question) {
  DnsForwarder forwarder;
  forwarder.name = "systemd-resolved's stub";
  forwarder.why_nobody = why_no_stub(snapshot);
  if (!forwarder.why_nobody.empty()) return forwarder;
  if (snapshot.dns.resolved) {
    forwarder.path = explain_resolved(snapshot, question, true);
  } else {
    forwarder.why_unknown =
        fmt::format("what systemd-resolved asks is not known: {}", snapshot.dns.resolved.why_missing());
  }
  return forwarder;
}

/// The line that Docker writes beside its resolver's address: "ExtServers: [host(127.0.0.53)]".
std::string docker_servers(const Snapshot& snapshot) {
  if (!snapshot.dns.resolv_conf) return {};
  for (const std::string& note : snapshot.dns.resolv_conf->notes) {
    if (note.find("ExtServers") != std::string::npos) return shorten(note, kMostColumns);
  }
  return {};
}

DnsForwarder other(const Snapshot& snapshot, const DnsServer& server) {
  DnsForwarder forwarder;
  forwarder.name = fmt::format("the resolver on {}", server.to_string());
  forwarder.why_unknown = fmt::format("what {} asks is not known", server.to_string());
  if (is_at(server, "127.0.0.11")) {
    forwarder.name = "Docker's resolver";
    forwarder.why_unknown = "what Docker's resolver asks is decided outside of this container";
    if (const std::string servers = docker_servers(snapshot); !servers.empty()) {
      forwarder.why_unknown += fmt::format(" ({})", servers);
    }
    return forwarder;
  }
  const DnsListener* listener = listener_at(snapshot, server);
  if (listener != nullptr && !listener->process.empty()) {
    forwarder.name = fmt::format("{} on {}", shorten(listener->process, kMostColumns), server.to_string());
    forwarder.why_unknown = fmt::format("what {} asks is not known", forwarder.name);
  }
  if (listener == nullptr && snapshot.dns.listeners.is_complete()) forwarder.why_nobody = "nothing listens there";
  return forwarder;
}

}  // namespace

std::string why_no_stub(const Snapshot& snapshot) {
  const Observed<ResolvedState>& resolved = snapshot.dns.resolved;
  if (!resolved) {
    if (listener_at(snapshot, *DnsServer::parse("127.0.0.53")) != nullptr) return {};
    if (resolved.is_absent()) return resolved.why_missing();
    return snapshot.dns.listeners.is_complete() ? "nothing listens on 127.0.0.53" : "";
  }
  if (!resolved->foreign.empty()) return fmt::format("systemd-resolved is not of this network: {}", resolved->foreign);
  if (resolved->runs == false) return "systemd-resolved does not run";
  std::string setting = resolved->stub_listener;
  if (setting.empty() && resolved->settings) setting = resolved->settings->stub_listener;
  if (setting == "no") return "DNSStubListener=no: systemd-resolved does not listen on 127.0.0.53";
  const bool is_open = listener_at(snapshot, *DnsServer::parse("127.0.0.53")) != nullptr;
  if (setting.empty() && !is_open && snapshot.dns.listeners.is_complete()) return "nothing listens on 127.0.0.53";
  return {};
}

DnsForwarder forwarder_at(const Snapshot& snapshot, const DnsServer& server, const DnsQuestion& question) {
  if (is_resolved_address(server) && server.port == kDnsPort) {
    const DnsListener* listener = listener_at(snapshot, server);
    const bool is_other =
        listener != nullptr && !listener->process.empty() && !listener->process.starts_with("systemd-r");
    if (!is_other) return stub(snapshot, question);
  }
  const DnsmasqInstance* instance = dnsmasq_at(snapshot, server);
  if (instance == nullptr) return other(snapshot, server);
  DnsForwarder forwarder;
  forwarder.name = instance->belongs_to_network_manager ? "NetworkManager's dnsmasq" : "dnsmasq";
  forwarder.path = explain_dnsmasq(snapshot, question, *instance);
  return forwarder;
}

}  // namespace vpndoctor
