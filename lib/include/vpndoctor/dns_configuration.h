// SPDX-License-Identifier: Apache-2.0
// What configures name resolution on a machine, source by source as it was found: files, systemd-resolved,
// NetworkManager, dnsmasq, macOS. Plain values; knows neither how they were read nor what they mean together, which is
// dns_overview.h's and dns_explain.h's to say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vpndoctor/dns_server.h"
#include "vpndoctor/observed.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// /etc/resolv.conf as a file and as glibc reads it (resolv/res_init.c of glibc 2.36).
struct ResolvConf {
  // The file.
  std::string path = "/etc/resolv.conf";
  bool exists = false;             ///< a file was there and could be read
  std::string link_target;         ///< the text of the symbolic link, also a dangling one; empty: it is no link
  std::string real_path;           ///< where all links lead; empty: nowhere
  std::string mount_source;        ///< something is mounted over it, from there; empty: nothing is
  std::optional<bool> immutable;   ///< FS_IMMUTABLE_FL; null: the file system does not tell
  std::vector<std::string> notes;  ///< its comment lines, the first few, without "#" or ";"

  // What it says.
  std::vector<DnsServer> nameservers;    ///< all of them in order, also those beyond the three that glibc uses
  std::vector<std::string> not_servers;  ///< values of `nameserver` lines that are no address
  std::vector<std::string> search;       ///< the last `search` or `domain` line, canonical names
  std::vector<std::string> options;      ///< as written, also unknown ones

  // What glibc makes of it, with the environment (LOCALDOMAIN, RES_OPTIONS) of the reader.
  std::vector<std::string> environment;  ///< "LOCALDOMAIN=...", "RES_OPTIONS=...": those that were set
  std::vector<DnsServer> used_servers;   ///< at most three; 127.0.0.1 when there is none
  std::vector<std::string> used_search;  ///< with the environment; the host name's domain when the file has none
  unsigned ndots = 1;                    ///< at most 15
  unsigned timeout_seconds = 5;          ///< at most 30
  unsigned attempts = 2;                 ///< at most 5
  bool rotate = false;
  bool edns0 = false;
  bool use_tcp = false;         ///< use-vc
  bool single_request = false;  ///< A and AAAA one after the other (also single-request-reopen)
  bool no_tld_query = false;
  bool trust_ad = false;
  bool no_aaaa = false;  ///< glibc 2.36
};

/// One service of the hosts line of nsswitch.conf with the actions behind it.
struct NssService {
  std::string name;  ///< "files", "mdns4_minimal", "resolve", "dns", "myhostname", ...
  /// For STATUS in SUCCESS, NOTFOUND, UNAVAIL, TRYAGAIN: true: return. The default is true for SUCCESS alone.
  bool return_on_success = true;
  bool return_on_not_found = false;
  bool return_on_unavailable = false;
  bool return_on_try_again = false;
  bool merge_on_success = false;  ///< [SUCCESS=merge]
  /// The module libnss_NAME.so.2 is on this machine; null: not known. A missing one counts as UNAVAIL.
  std::optional<bool> is_installed;
  bool operator==(const NssService&) const = default;
};

/// The hosts line of /etc/nsswitch.conf.
struct NameServiceSwitch {
  std::vector<NssService> hosts;    ///< "files dns" when the file has no such line (glibc 2.35 and newer)
  bool is_default = false;          ///< there was no hosts line, or no file
  std::vector<std::string> faults;  ///< what glibc does not understand, a phrase each
};

/// One line of /etc/hosts.
struct HostsEntry {
  IpAddress address;
  std::string zone;                ///< of a link-local address
  std::vector<std::string> names;  ///< canonical, the first is the official one
  bool operator==(const HostsEntry&) const = default;
};

/// The name service cache daemon, which answers getaddrinfo() before anything else does.
struct NameServiceCache {
  bool runs = false;  ///< its socket takes connections
  bool caches_hosts = false;
};

/// A file that a VPN client left beside resolv.conf when it was saved away.
struct ResolvConfBackup {
  std::string path;
  std::string writer;                ///< "NetBird", "Tailscale", "vpnc-script"
  std::optional<bool> writer_alive;  ///< a process of the writer runs; null: not known
};

/// A protocol that a scope of systemd-resolved speaks now: bits of ScopesMask (SD_RESOLVED_DNS ...).
enum ResolvedProtocol : std::uint64_t {
  kResolvedDns = 1,
  kResolvedLlmnrIpv4 = 2,
  kResolvedLlmnrIpv6 = 4,
  kResolvedMdnsIpv4 = 8,
  kResolvedMdnsIpv6 = 16,
};

/// What systemd-resolved is told about a link, about everything (the global scope), or by a delegate.
struct ResolvedScope {
  enum class Kind : std::uint8_t { kGlobal, kLink, kDelegate };
  Kind kind = Kind::kGlobal;
  std::string interface;  ///< of a link
  int interface_index = 0;
  std::string delegate;  ///< the name of a delegate (systemd 258)
  std::vector<DnsServer> servers;
  std::optional<DnsServer> current_server;
  std::vector<DnsDomain> domains;     ///< in the order in which they are tried
  std::optional<bool> default_route;  ///< the effective one; null for the global scope
  /// ResolvedProtocol bits that are live now: a scope whose link is down has servers but no bit. Null: not known (the
  /// configuration comes from files); then dns_explain works it out from the links.
  std::optional<std::uint64_t> live_protocols;
  std::string llmnr;           ///< "yes", "no", "resolve"; empty: not known
  std::string multicast_dns;   ///< the same
  std::string dns_over_tls;    ///< "yes", "no", "opportunistic"
  std::string dnssec;          ///< "yes", "no", "allow-downgrade"
  std::string networkd_state;  ///< OPER_STATE of /run/systemd/netif/links/N: "routable", "off", ...; empty: not managed
};

/// What resolved.conf and its drop-ins say, as far as the daemon does not tell it itself.
struct ResolvedSettings {
  std::vector<DnsServer> dns;           ///< DNS=
  std::vector<DnsServer> fallback_dns;  ///< FallbackDNS=; the compiled-in list is not known from files
  std::vector<DnsDomain> domains;       ///< Domains=
  bool has_fallback_setting = false;
  std::optional<bool> resolve_single_label;  ///< ResolveUnicastSingleLabel=
  std::optional<bool> read_etc_hosts;        ///< ReadEtcHosts=
  std::string stub_listener;                 ///< DNSStubListener=: "yes", "no", "udp", "tcp"; empty: not set
  std::string llmnr;                         ///< LLMNR=; empty: not set
  std::string multicast_dns;                 ///< MulticastDNS=; empty: not set
  std::vector<std::string> files;            ///< those that were there, in the order in which they are read
};

struct ResolvedState {
  enum class Source : std::uint8_t { kVarlink, kDbus, kFiles };
  Source source = Source::kDbus;
  std::optional<unsigned> version;               ///< systemd's, 252; null: not known
  std::string resolv_conf_mode;                  ///< "stub", "uplink", "static", "missing", "foreign"; empty: not known
  std::string stub_listener;                     ///< "yes", "no", "udp", "tcp"; empty: not known
  std::optional<bool> runs;                      ///< null: not known (files alone)
  std::vector<ResolvedScope> scopes;             ///< the global one first, then links, then delegates
  std::vector<DnsServer> fallback_servers;       ///< in effect
  Observed<ResolvedSettings> settings;           ///< of the files
  std::optional<std::uint64_t> namespace_inode;  ///< of the network namespace that the daemon is in; null: not readable
  /// The daemon is in another network namespace than the reader, with the reason: then it knows other links. Empty: it
  /// is in this one.
  std::string foreign;
};

/// One entry of NetworkManager's DnsManager: a connection in one family.
struct NetworkManagerDnsEntry {
  std::string interface;
  std::vector<DnsServer> servers;
  std::vector<DnsDomain> domains;
  int priority = 0;  ///< lower goes first; below zero excludes others
  bool vpn = false;  ///< false for WireGuard and tun devices that are ordinary profiles
};

struct NetworkManagerDns {
  std::string mode;        ///< "default", "dnsmasq", "systemd-resolved", "none"
  std::string rc_manager;  ///< "symlink", "file", "resolvconf", "netconfig", "unmanaged", "immutable", "auto"
  std::vector<NetworkManagerDnsEntry> entries;  ///< in the order of their priority
  std::string version;                          ///< "1.42.4"; empty: not known
  std::string foreign;                          ///< as ResolvedState::foreign
};

/// An upstream of a dnsmasq as it tells itself (CHAOS TXT servers.bind).
struct DnsmasqUpstream {
  DnsServer server;
  std::string interface;  ///< "10.0.0.1@tun0" of its configuration; empty: none was given, or not known
  /// Names that go there (server=/corp.example/10.0.0.1), canonical; empty: the default. The daemon does not tell them,
  /// so they come from its configuration or from NetworkManager.
  std::vector<std::string> domains;
  std::optional<std::uint64_t> queries;
  std::optional<std::uint64_t> failed;
};

/// A dnsmasq that listens on an address that resolv.conf names.
struct DnsmasqInstance {
  DnsServer listens_on;
  std::optional<std::uint32_t> pid;
  bool belongs_to_network_manager = false;
  Observed<std::vector<DnsmasqUpstream>> upstreams;
  std::vector<std::string> never_forwarded;  ///< local=/x/ and server=/x/: answered from here alone
  bool domains_are_known = false;            ///< the configuration was read whole: upstreams' `domains` are right
};

/// A resolver of macOS's `scutil --dns`.
struct MacosResolver {
  enum class Section : std::uint8_t { kUnscoped, kScoped, kServiceSpecific };
  Section section = Section::kUnscoped;
  unsigned number = 0;  ///< "resolver #1"; counts within its section
  std::string domain;   ///< canonical; empty: none
  std::vector<std::string> search;
  std::vector<DnsServer> servers;  ///< with the resolver's own port
  std::vector<std::string> sort_addresses;
  std::string options;  ///< "mdns", "pdns", "interface=en0"
  std::optional<std::uint16_t> port;
  std::optional<std::uint32_t> timeout_seconds;
  std::optional<int> interface_index;
  std::string interface;  ///< empty: none, or one that vanished ("?")
  std::optional<std::uint64_t> service_identifier;
  std::vector<std::string> flags;  ///< "Scoped", "Supplemental", "Request A records", ...
  std::vector<std::string> reach;  ///< "Reachable", "Directly Reachable Address", ...
  std::uint32_t order = 0;
};

struct MacosDns {
  bool has_configuration = true;  ///< false: "No DNS configuration available"
  std::vector<MacosResolver> resolvers;
  std::vector<std::string> not_understood;  ///< a phrase for each line that was left out; the first few
};

/// A systemd-resolved stub, a dnsmasq, Docker's resolver ...: what listens on a loopback address.
struct DnsListener {
  DnsServer server;
  std::string process;  ///< its name; empty: not readable
  std::optional<std::uint32_t> pid;
};

/// Everything that was found. A source that is not on the machine is missing with that reason.
struct DnsConfiguration {
  Observed<ResolvConf> resolv_conf;
  Observed<NameServiceSwitch> name_service_switch;
  Observed<std::vector<HostsEntry>> hosts;
  Observed<NameServiceCache> name_service_cache;
  Observed<ResolvedState> resolved;
  Observed<NetworkManagerDns> network_manager;
  Observed<std::vector<DnsmasqInstance>> dnsmasq;
  Observed<std::vector<DnsListener>> listeners;  ///< on port 53 of this machine's own addresses
  Observed<std::vector<ResolvConfBackup>> backups;
  Observed<MacosDns> macos;
};

}  // namespace vpndoctor
