// SPDX-License-Identifier: Apache-2.0
// Asks systemd-resolved, over varlink (259 and later), else over D-Bus, else takes what networkd tells it; see
// dns_sources.h. Starts nothing.
#include <fmt/format.h>

#include <algorithm>

#include "daemon_place.h"
#include "dns_sources.h"
#include "proc_files.h"
#include "process_sockets.h"
#include "resolved_bus_query.h"
#include "systemd_version.h"
#include "varlink.h"

namespace vpndoctor {
namespace {

using Kind = DaemonFailure::Kind;
constexpr const char* kSocket = "/run/systemd/resolve/io.systemd.Resolve";
constexpr const char* kStub = "127.0.0.53";
constexpr std::string_view kProcessName = "systemd-resolve";  // as /proc cuts it
constexpr unsigned kFirstWithDelegates = 258;

bool stub_listens_here() {
  const auto table = read_small_file("/proc/net/udp", 32 << 20);
  if (!table) return true;  // not known: nothing is concluded from it
  return std::ranges::any_of(parse_socket_table(*table, false), [](const InternetSocket& socket) {
    return socket.local_port == kDnsPort && socket.local == *IpAddress::parse(kStub);
  });
}

/// Asks one daemon, by each way until one answers, and keeps what the ways that failed said.
class ResolvedQuery {
 public:
  ResolvedQuery(const Snapshot& snapshot, const Observed<ResolvedSettings>& settings, const std::string& root)
      : snapshot_(snapshot), settings_(settings), root_(root) {}

  Observed<ResolvedState> run() {
    Asked<ResolvedReply> reply = root_.empty() ? ask_varlink() : no_daemon();
    std::string source = "systemd-resolved over varlink";
    if (!reply && reply.error().kind != Kind::kSilent) {
      varlink_says_ = reply.error();
      reply = root_.empty() ? ask_bus() : no_daemon();
      source = "systemd-resolved over D-Bus";
    }
    if (!reply && reply.error().kind == Kind::kSilent) {
      return Observed<ResolvedState>::missing(fmt::format("systemd-resolved cannot be asked: {}", reply.error().why));
    }
    if (!reply) return from_files(reply.error());
    return finish(std::move(*reply), std::move(source));
  }

 private:
  static Asked<ResolvedReply> no_daemon() {
    return std::unexpected(DaemonFailure{Kind::kAbsent, "only files are looked at"});
  }

  Asked<ResolvedReply> ask_varlink() {
    auto connection = VarlinkConnection::open(kSocket);
    if (!connection) return std::unexpected(connection.error());
    takes_connections_ = true;
    process_.pid = connection->listener();
    const auto text = connection->call("io.systemd.Resolve.DumpDNSConfiguration", deadline_);
    if (!text) return std::unexpected(text.error());
    auto reply = parse_resolved_dump(*text);
    if (!reply) return std::unexpected(DaemonFailure{Kind::kRefused, reply.error()});
    const auto info = connection->call("org.varlink.service.GetInfo", deadline_);
    if (info) reply->state.version = parse_varlink_version(*info);
    return std::move(*reply);
  }

  Asked<ResolvedReply> ask_bus() {
    auto bus = SystemBus::open(deadline_);
    if (!bus) {
      // A bus that is silent says nothing about the daemon.
      return std::unexpected(DaemonFailure{Kind::kRefused, bus.error().why});
    }
    auto reply = read_resolved_over_bus(*bus, snapshot_, deadline_);
    if (!reply) {
      has_no_name_ = reply.error().kind == Kind::kAbsent;
      return reply;
    }
    if (const auto pid = bus->process_of(kResolvedBusName, deadline_)) process_.pid = *pid;
    reply->state.version = version_of_service_manager(*bus);
    return reply;
  }

  /// PID 1 is of the same version, when it is systemd.
  std::optional<unsigned> version_of_service_manager(SystemBus& bus) {
    constexpr const char* kName = "org.freedesktop.systemd1";
    const auto runs = bus.has_owner(kName, deadline_);
    if (!runs || !*runs) return std::nullopt;
    const auto version =
        bus.property({kName, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "Version"}, deadline_);
    return version ? parse_systemd_version(version->text()) : std::nullopt;
  }

  Observed<ResolvedState> from_files(const DaemonFailure& bus_says) {
    const std::optional<bool> runs = whether_it_runs();
    Observed<std::vector<ResolvedScope>> links = read_networkd_scopes(snapshot_, root_);
    const bool has_links = links && !links->empty();
    if (runs != true && !has_links) {
      if (runs == false) return Observed<ResolvedState>::absent("systemd-resolved does not run");
      return Observed<ResolvedState>::missing(
          fmt::format("systemd-resolved cannot be asked ({}; {})", varlink_says_.why, bus_says.why));
    }
    ResolvedReply reply;
    reply.state.source = ResolvedState::Source::kFiles;
    reply.state.runs = runs;
    reply.state.scopes.push_back(global_scope_of_files());
    if (links) std::ranges::move(*links, std::back_inserter(reply.state.scopes));
    reply.limits = links.limits();
    if (!links) reply.limits.push_back("links are not known: " + links.why_missing());
    if (settings_) reply.state.fallback_servers = settings_->fallback_dns;
    reply.limits.push_back(fmt::format("it did not tell itself ({}; {})", varlink_says_.why, bus_says.why));
    return finish(std::move(reply), "files of systemd-networkd and systemd-resolved");
  }

  /// Null: a container without the host's /run may still have the stub in its network namespace.
  std::optional<bool> whether_it_runs() const {
    if (takes_connections_) return true;
    if (!root_.empty()) return std::nullopt;
    if (has_no_name_ || !stub_listens_here()) return false;
    return std::nullopt;
  }

  ResolvedScope global_scope_of_files() const {
    ResolvedScope scope;
    if (!settings_) return scope;
    scope.servers = settings_->dns;
    scope.domains = settings_->domains;
    scope.llmnr = settings_->llmnr;
    scope.multicast_dns = settings_->multicast_dns;
    return scope;
  }

  Observed<ResolvedState> finish(ResolvedReply reply, std::string source) {
    ResolvedState& state = reply.state;
    state.settings = settings_;
    if (state.stub_listener.empty() && settings_) state.stub_listener = settings_->stub_listener;
    if (root_.empty()) take_place(reply);
    if (!state.version && process_.pid) state.version = systemd_version_of(*process_.pid);
    if (!state.version && state.foreign.empty()) state.version = systemd_version_on_disk(root_);
    if (state.source == ResolvedState::Source::kDbus && state.version == kFirstWithDelegates) {
      reply.limits.emplace_back("delegates, which systemd 258 has, are not listed over D-Bus");
    }
    if (state.source != ResolvedState::Source::kFiles && state.foreign.empty()) take_networkd_states(state);
    Observed<ResolvedState> observed(std::move(state), std::move(source));
    for (std::string& limit : reply.limits) observed.add_limit(std::move(limit));
    return observed;
  }

  void take_place(ResolvedReply& reply) {
    ResolvedState& state = reply.state;
    state.namespace_inode = network_namespace_of(process_);
    state.foreign = difference_in_namespaces(state.namespace_inode, snapshot_);
    if (state.namespace_inode) {
      // It is known where it is.
    } else if (state.foreign = difference_in_interfaces(reply.interfaces, snapshot_); state.foreign.empty()) {
      const bool has_stub = state.stub_listener == "yes" || state.stub_listener == "udp";
      const bool is_live = state.source == ResolvedState::Source::kDbus;
      if (has_stub && is_live && !stub_listens_here()) state.foreign = "its stub does not listen on 127.0.0.53 here";
    }
    if (state.foreign.empty() || state.source != ResolvedState::Source::kDbus) return;
    // The names are this namespace's, and the indexes are not.
    for (ResolvedScope& scope : state.scopes) scope.interface.clear();
  }

  void take_networkd_states(ResolvedState& state) const {
    const Observed<std::vector<ResolvedScope>> links = read_networkd_scopes(snapshot_, root_);
    if (!links) return;
    for (const ResolvedScope& link : *links) {
      for (ResolvedScope& scope : state.scopes) {
        if (scope.interface_index == link.interface_index) scope.networkd_state = link.networkd_state;
      }
    }
  }

  const Snapshot& snapshot_;
  const Observed<ResolvedSettings>& settings_;
  const std::string& root_;
  Deadline deadline_{kDaemonPatience};
  DaemonProcess process_{.pid = std::nullopt, .name = kProcessName};
  DaemonFailure varlink_says_;
  bool takes_connections_ = false;
  bool has_no_name_ = false;
};

}  // namespace

Observed<ResolvedState> read_resolved_state(const Snapshot& snapshot, const Observed<ResolvedSettings>& settings,
                                            const std::string& root) {
  return ResolvedQuery(snapshot, settings, root).run();
}

}  // namespace vpndoctor
