// SPDX-License-Identifier: Apache-2.0
// Reads what systemd-resolved reads: resolved.conf, the kernel's command line, and what networkd tells of a link.
#include <algorithm>
#include <array>
#include <utility>

#include "text/configuration_text.h"
#include "text/lines.h"
#include "vpndoctor/resolver_text.h"
#include "vpndoctor/utf8.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostEntries = 1024;  ///< of one list
constexpr std::size_t kLongestName = 253;
constexpr std::size_t kLongestLabel = 63;
constexpr std::uint16_t kDnsOverTlsPort = 853;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// ADDR[:PORT][%INTERFACE][#NAME]: the interface stands behind the port (src/shared/socket-netlink.c,
/// in_addr_port_ifindex_name_from_string_auto()). Addresses that systemd drops in silence, its own among them, are
/// none.
std::optional<DnsServer> parse_systemd_server(std::string_view text) {
  static constexpr std::array<std::string_view, 4> kDropped = {"0.0.0.0", "::", "127.0.0.53", "127.0.0.54"};
  const auto hash = text.find('#');
  const std::string_view before_name = text.substr(0, hash);
  const auto percent = before_name.find('%');
  if (hash == text.size() - 1 || percent == before_name.size() - 1 || before_name.ends_with(']')) return std::nullopt;
  auto server = DnsServer::parse(before_name.substr(0, percent));
  if (!server || std::ranges::find(kDropped, server->address.to_string()) != kDropped.end()) return std::nullopt;
  if (percent != std::string_view::npos) server->zone = before_name.substr(percent + 1);
  if (hash != std::string_view::npos) server->tls_name = canonical_dns_name(text.substr(hash + 1));
  // The port follows from the protocol that is spoken.
  if (server->port == kDnsOverTlsPort) server->port = kDnsPort;
  return server;
}

void add_servers(std::string_view words, std::vector<DnsServer>& servers) {
  for (const std::string_view word : split(words, kBlanks)) {
    const auto server = parse_systemd_server(word);
    if (!server || servers.size() == kMostEntries || std::ranges::find(servers, *server) != servers.end()) continue;
    servers.push_back(*server);
  }
}

/// What dns_name_normalize() takes: labels of 1 to 63 bytes without control characters.
bool is_domain(std::string_view name) {
  if (name.empty() || name.size() > kLongestName) return false;
  std::size_t label = 0;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < ' ' || byte == 0x7f) return false;
    label = c == '.' ? 0 : label + 1;
    if (label > kLongestLabel) return false;
  }
  return !name.starts_with('.') && name.find("..") == std::string_view::npos;
}

void add_domain(std::string_view name, bool route_only, std::vector<DnsDomain>& domains) {
  const std::string canonical = canonical_dns_name(name == "*" ? "." : name);
  if (canonical != "." && !is_domain(canonical)) return;
  const auto known = std::ranges::find(domains, canonical, &DnsDomain::name);
  if (known != domains.end()) {
    known->route_only = route_only;
  } else if (domains.size() < kMostEntries) {
    domains.push_back({canonical, route_only});
  }
}

/// "~NAME" and the root are for routing alone.
void add_domains(std::string_view words, std::vector<DnsDomain>& domains) {
  for (std::string_view word : split(words, " \t\r\f\v\"'")) {
    bool route_only = word.starts_with('~');
    if (route_only) word.remove_prefix(1);
    route_only = route_only || word.empty() || word == "." || word == "*";
    add_domain(word.empty() ? "." : word, route_only, domains);
  }
}

/// parse_boolean() of systemd.
std::optional<bool> parse_systemd_truth(std::string_view text) {
  static constexpr std::array<std::string_view, 6> kTrue = {"1", "yes", "y", "true", "t", "on"};
  static constexpr std::array<std::string_view, 6> kFalse = {"0", "no", "n", "false", "f", "off"};
  const auto is_it = [text](std::string_view word) { return equals_ignoring_case(text, word); };
  if (std::ranges::any_of(kTrue, is_it)) return true;
  if (std::ranges::any_of(kFalse, is_it)) return false;
  return std::nullopt;
}

/// A truth value as "yes" or "no", or one of the other words; what is neither leaves the setting as it was.
void take_mode(std::string_view value, std::initializer_list<std::string_view> others, std::string& out) {
  if (const auto truth = parse_systemd_truth(value)) {
    out = *truth ? "yes" : "no";
  } else if (std::ranges::find(others, value) != others.end()) {
    out = value;
  }
}

void take_truth(std::string_view value, std::optional<bool>& out) {
  if (const auto truth = parse_systemd_truth(value)) out = truth;
}

void take_resolve_setting(std::string_view key, std::string_view value, ResolvedSettings& settings) {
  if (key == "DNS") {
    if (value.empty()) settings.dns.clear();
    add_servers(value, settings.dns);
  } else if (key == "FallbackDNS") {
    settings.has_fallback_setting = true;
    if (value.empty()) settings.fallback_dns.clear();
    add_servers(value, settings.fallback_dns);
  } else if (key == "Domains") {
    if (value.empty()) settings.domains.clear();
    add_domains(value, settings.domains);
  } else if (key == "ResolveUnicastSingleLabel") {
    take_truth(value, settings.resolve_single_label);
  } else if (key == "ReadEtcHosts") {
    take_truth(value, settings.read_etc_hosts);
  } else if (key == "DNSStubListener") {
    take_mode(value, {"udp", "tcp"}, settings.stub_listener);
  } else if (key == "LLMNR") {
    take_mode(value, {"resolve"}, settings.llmnr);
  } else if (key == "MulticastDNS") {
    take_mode(value, {"resolve"}, settings.multicast_dns);
  }
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    if (!point.valid) return false;
    text.remove_prefix(point.bytes);
  }
  return true;
}

/// A file of settings as config_parse() reads it: a backslash at its end joins a line with the next, comments between
/// them are left out, and a heading that is none or a line that is no UTF-8 ends the reading of all files.
class UnitLines {
 public:
  template <class Take>
  bool read(std::string_view text, Take take) {
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    for_each_line(text, [&](std::size_t /*number*/, std::string_view line) {
      line = line.substr(0, line.find('\0'));
      const std::string_view content = trimmed(line);
      if (broken_ || (!content.empty() && (content[0] == '#' || content[0] == ';'))) return;
      joined_ += line;
      if (ends_with_odd_backslashes(line)) {
        joined_.back() = ' ';
        return;
      }
      finish_line(take);
    });
    if (!broken_) finish_line(take);
    return !broken_;
  }

 private:
  static bool ends_with_odd_backslashes(std::string_view line) {
    const auto last = line.find_last_not_of('\\');
    const std::size_t count = last == std::string_view::npos ? line.size() : line.size() - last - 1;
    return count % 2 == 1;
  }

  template <class Take>
  void finish_line(Take take) {
    const std::string whole = std::exchange(joined_, {});
    const std::string_view line = trimmed(whole);
    if (line.empty()) return;
    broken_ = !is_utf8(line);
    if (broken_) return;
    if (line[0] == '[') {
      broken_ = !line.ends_with(']');
      section_ = line.substr(1, line.size() - 2);
      return;
    }
    const auto equals = line.find('=');
    if (equals != std::string_view::npos)
      take(section_, trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1)));
  }

  std::string joined_;
  std::string section_;
  bool broken_ = false;
};

/// What resolved makes of a link without a setting of its own (src/resolve/resolved-dns-scope.c,
/// dns_scope_is_default_route()): a route-only domain other than the root takes the default away.
bool is_default_route(const std::vector<DnsDomain>& domains) {
  const auto is_root = [](const DnsDomain& domain) { return domain.name == "."; };
  return std::ranges::any_of(domains, is_root) || std::ranges::none_of(domains, &DnsDomain::route_only);
}

/// The fields of a link's state.
struct LinkState {
  ResolvedScope scope;
  std::string_view admin_state;
  std::string_view search;
  std::string_view routes;

  void take(const Setting& setting) {
    const std::string_view value = setting.value;
    if (setting.key == "ADMIN_STATE") admin_state = value;
    if (setting.key == "OPER_STATE") scope.networkd_state = value;
    if (setting.key == "DNS") add_servers(value, scope.servers);
    if (setting.key == "DOMAINS") search = value;
    if (setting.key == "ROUTE_DOMAINS") routes = value;
    if (setting.key == "DNS_DEFAULT_ROUTE") take_truth(value, scope.default_route);
    if (setting.key == "LLMNR") take_mode(value, {"resolve"}, scope.llmnr);
    if (setting.key == "MDNS") take_mode(value, {"resolve"}, scope.multicast_dns);
    if (setting.key == "DNS_OVER_TLS") take_mode(value, {"opportunistic"}, scope.dns_over_tls);
    if (setting.key == "DNSSEC") take_mode(value, {"allow-downgrade"}, scope.dnssec);
  }
  bool is_managed() const {
    return !admin_state.empty() && admin_state != "pending" && admin_state != "initialized" &&
           admin_state != "unmanaged";
  }
};

}  // namespace

bool add_resolved_settings(std::string_view text, ResolvedSettings& settings) {
  return UnitLines().read(text, [&](std::string_view section, std::string_view key, std::string_view value) {
    if (section == "Resolve") take_resolve_setting(key, value, settings);
  });
}

bool add_kernel_command_line(std::string_view text, ResolvedSettings& settings) {
  bool has_servers = false;
  bool has_domains = false;
  for (const std::string_view word : split(text, " \t\n")) {
    if (word.starts_with("nameserver=")) {
      if (!std::exchange(has_servers, true)) settings.dns.clear();
      add_servers(word.substr(std::string_view("nameserver=").size()), settings.dns);
    } else if (word.starts_with("domain=")) {
      if (!std::exchange(has_domains, true)) settings.domains.clear();
      add_domains(word.substr(std::string_view("domain=").size()), settings.domains);
    }
  }
  return has_servers || has_domains;
}

std::optional<ResolvedScope> parse_networkd_scope(std::string_view text) {
  LinkState state;
  for_each_setting(text, [&](const Setting& setting) { state.take(setting); });
  if (!state.is_managed()) return std::nullopt;
  ResolvedScope& scope = state.scope;
  scope.kind = ResolvedScope::Kind::kLink;
  for (const std::string_view name : split(state.search, kBlanks)) add_domain(name, false, scope.domains);
  for (const std::string_view name : split(state.routes, kBlanks)) add_domain(name, true, scope.domains);
  if (!scope.default_route) scope.default_route = is_default_route(scope.domains);
  return std::move(scope);
}

}  // namespace vpndoctor
