// SPDX-License-Identifier: Apache-2.0
// Parses systemd-resolved's varlink replies; see resolved_reply.h.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "../json_line.h"
#include "lines.h"
#include "vpndoctor/resolved_reply.h"

namespace vpndoctor {
namespace {

constexpr int kInet = 2;  // AF_INET of Linux, as the reply has it
using Fault = std::optional<std::string>;

const JsonValue* member_of(const JsonLevel& object, std::string_view name) {
  for (const JsonMember& member : object.members()) {
    if (member.name == name && member.value.kind != JsonKind::kNull) return &member.value;
  }
  return nullptr;
}

std::string text_of(const JsonLevel& object, std::string_view name) {
  const JsonValue* value = member_of(object, name);
  return value != nullptr && value->kind == JsonKind::kText ? std::string(value->text) : std::string();
}

int number_of(const JsonLevel& object, std::string_view name) {
  const JsonValue* value = member_of(object, name);
  return value != nullptr && value->kind == JsonKind::kUnsigned && value->number <= 0x7fffffff
             ? static_cast<int>(value->number)
             : 0;
}

std::optional<bool> truth_of(const JsonLevel& object, std::string_view name) {
  const JsonValue* value = member_of(object, name);
  if (value == nullptr || value->kind != JsonKind::kBoolean) return std::nullopt;
  return value->truth;
}

/// Calls `take` with each object of the array that the member is; nothing when it is not there.
template <class Take>
Fault each_object(const JsonLevel& parent, std::string_view name, Take take) {
  const JsonValue* list = member_of(parent, name);
  if (list == nullptr) return std::nullopt;
  if (list->kind != JsonKind::kArray) return fmt::format("{} is no array", name);
  JsonLevel array;
  if (const char* wrong = array.parse_array(list->text)) return fmt::format("{} {}", name, wrong);
  JsonLevel object;
  for (const JsonMember& element : array.members()) {
    if (element.value.kind != JsonKind::kObject) return fmt::format("{} has an element that is no object", name);
    if (const char* wrong = object.parse_object(element.value.text)) return fmt::format("{}: it {}", name, wrong);
    if (Fault fault = take(object)) return fault;
  }
  return std::nullopt;
}

/// The interface of a link-local address outside its own link's scope is a number here; see name_zones().
std::optional<DnsServer> server_from(const JsonLevel& object, const std::string& interface) {
  const std::string text = text_of(object, "addressString");
  const auto address = IpAddress::parse(std::string_view(text).substr(0, text.find('%')));  // "fe80::1%3"
  if (!address) return std::nullopt;
  DnsServer server;
  server.address = *address;
  if (const std::string name = text_of(object, "name"); !name.empty()) server.tls_name = canonical_dns_name(name);
  if (const int port = number_of(object, "port"); port > 0 && port <= 0xffff) {
    server.port = static_cast<std::uint16_t>(port);
  }
  const int index = number_of(object, "ifindex");
  if (address->is_link_local()) server.zone = interface.empty() && index != 0 ? fmt::format("{}", index) : interface;
  return server;
}

std::uint64_t protocol_bit(const JsonLevel& scope) {
  const std::string protocol = text_of(scope, "protocol");
  const bool is_inet = number_of(scope, "family") == kInet;
  if (protocol == "dns") return kResolvedDns;
  if (protocol == "llmnr") return is_inet ? kResolvedLlmnrIpv4 : kResolvedLlmnrIpv6;
  if (protocol == "mdns") return is_inet ? kResolvedMdnsIpv4 : kResolvedMdnsIpv6;
  return 0;
}

/// Gives the servers of scopes that are no link's the names of the interfaces that they have as numbers.
void name_zones(ResolvedReply& reply) {
  std::map<std::string, std::string> names;
  for (const auto& [index, name] : reply.interfaces) names.emplace(fmt::format("{}", index), name);
  const auto name_zone = [&names](DnsServer& server) {
    if (const auto found = names.find(server.zone); found != names.end()) server.zone = found->second;
  };
  for (ResolvedScope& scope : reply.state.scopes) {
    if (scope.kind == ResolvedScope::Kind::kLink) continue;
    std::ranges::for_each(scope.servers, name_zone);
    if (scope.current_server) name_zone(*scope.current_server);
  }
  std::ranges::for_each(reply.state.fallback_servers, name_zone);
}

class DumpReader {
 public:
  Fault take_scope(const JsonLevel& object) {
    ResolvedScope scope;
    scope.interface = text_of(object, "ifname");
    scope.interface_index = number_of(object, "ifindex");
    scope.delegate = text_of(object, "delegate");
    if (scope.interface_index != 0) scope.kind = ResolvedScope::Kind::kLink;
    if (!scope.delegate.empty()) scope.kind = ResolvedScope::Kind::kDelegate;
    scope.default_route = truth_of(object, "defaultRoute");
    scope.llmnr = text_of(object, "llmnr");
    scope.multicast_dns = text_of(object, "mDNS");
    scope.dns_over_tls = text_of(object, "dnsOverTLS");
    scope.dnssec = text_of(object, "dnssec");
    if (Fault fault = take_lists(object, scope)) return fault;
    if (scope.kind == ResolvedScope::Kind::kGlobal) {
      if (Fault fault = take_servers(object, "fallbackServers", scope.interface, reply.state.fallback_servers)) {
        return fault;
      }
      reply.state.resolv_conf_mode = text_of(object, "resolvConfMode");
    }
    if (scope.kind == ResolvedScope::Kind::kLink) {
      reply.interfaces.emplace_back(scope.interface_index, scope.interface);
    }
    reply.state.scopes.push_back(std::move(scope));
    return std::nullopt;
  }

  ResolvedReply reply;

 private:
  Fault take_lists(const JsonLevel& object, ResolvedScope& scope) {
    if (const JsonValue* current = member_of(object, "currentServer"); current && current->kind == JsonKind::kObject) {
      JsonLevel server;
      if (const char* wrong = server.parse_object(current->text)) return fmt::format("currentServer {}", wrong);
      scope.current_server = server_from(server, scope.interface);
    }
    if (Fault fault = take_servers(object, "servers", scope.interface, scope.servers)) return fault;
    const auto take_domain = [this, &scope](const JsonLevel& domain) -> Fault {
      if (is_full(scope.domains)) return std::nullopt;
      const std::string name = text_of(domain, "name");
      if (name.empty()) {
        add_limit("a domain that has no name was left out");
        return std::nullopt;
      }
      scope.domains.push_back({canonical_dns_name(name), truth_of(domain, "routeOnly") == true});
      return std::nullopt;
    };
    if (Fault fault = each_object(object, "searchDomains", take_domain)) return fault;
    scope.live_protocols = 0;
    return each_object(object, "scopes", [&scope](const JsonLevel& live) -> Fault {
      *scope.live_protocols |= protocol_bit(live);
      return std::nullopt;
    });
  }

  Fault take_servers(const JsonLevel& object, std::string_view name, const std::string& interface,
                     std::vector<DnsServer>& servers) {
    return each_object(object, name, [this, &interface, &servers](const JsonLevel& each) -> Fault {
      if (is_full(servers)) return std::nullopt;
      if (auto server = server_from(each, interface)) {
        servers.push_back(std::move(*server));
      } else {
        add_limit("a server that has no address was left out");
      }
      return std::nullopt;
    });
  }

  template <class T>
  bool is_full(const std::vector<T>& list) {
    if (list.size() < kMostScopeEntries) return false;
    add_limit(fmt::format("only the first {} servers and domains of a scope were taken", kMostScopeEntries));
    return true;
  }

  void add_limit(std::string limit) {
    if (std::ranges::find(reply.limits, limit) == reply.limits.end()) reply.limits.push_back(std::move(limit));
  }
};

/// The text with what the JSON parser wants behind it.
std::string padded(std::string_view text) {
  std::string copy;
  copy.reserve(text.size() + kJsonPadding);
  copy.append(text).append(kJsonPadding, '\0');
  return copy;
}

/// Opens {"parameters": {...}} as `parameters`.
Fault open_reply(std::string_view text, JsonLevel& parameters) {
  JsonLevel reply;
  if (const char* wrong = reply.parse_object(text)) return fmt::format("its reply {}", wrong);
  if (const std::string error = text_of(reply, "error"); !error.empty()) return "it answered " + error;
  const JsonValue* value = member_of(reply, "parameters");
  if (value == nullptr || value->kind != JsonKind::kObject) return "its reply has no parameters";
  if (const char* wrong = parameters.parse_object(value->text)) return fmt::format("its reply {}", wrong);
  return std::nullopt;
}

}  // namespace

std::expected<ResolvedReply, std::string> parse_resolved_dump(std::string_view reply) {
  const std::string text = padded(reply);
  JsonLevel parameters;
  if (Fault fault = open_reply(std::string_view(text).substr(0, reply.size()), parameters)) {
    return std::unexpected(std::move(*fault));
  }
  if (member_of(parameters, "configuration") == nullptr) return std::unexpected("its reply has no configuration");
  DumpReader reader;
  const auto take = [&reader](const JsonLevel& scope) { return reader.take_scope(scope); };
  if (Fault fault = each_object(parameters, "configuration", take)) return std::unexpected("in its reply " + *fault);
  std::ranges::stable_sort(reader.reply.state.scopes, {},
                           [](const ResolvedScope& scope) { return std::tuple(scope.kind, scope.interface_index); });
  std::ranges::sort(reader.reply.interfaces);
  name_zones(reader.reply);
  reader.reply.state.source = ResolvedState::Source::kVarlink;
  reader.reply.state.runs = true;
  return std::move(reader.reply);
}

std::optional<unsigned> parse_systemd_version(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789";
  const auto first = text.find_first_of(kDigits);
  if (first == std::string_view::npos) return std::nullopt;
  text.remove_prefix(first);
  return parse_number<unsigned>(text.substr(0, text.find_first_not_of(kDigits)));
}

std::optional<unsigned> parse_varlink_version(std::string_view reply) {
  const std::string text = padded(reply);
  JsonLevel parameters;
  if (open_reply(std::string_view(text).substr(0, reply.size()), parameters)) return std::nullopt;
  return parse_systemd_version(text_of(parameters, "version"));
}

}  // namespace vpndoctor
