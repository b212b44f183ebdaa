// SPDX-License-Identifier: Apache-2.0
// Files of /proc/sys/net, one number each; see the header.
#include "routing_settings.h"

#include <charconv>
#include <string>

#include "proc_files.h"

namespace vpndoctor {
namespace {

constexpr const char* kRoot = "/proc/sys/net";

std::optional<int> number_in(const std::string& path) {
  constexpr std::size_t kMost = 32;
  const auto text = read_small_file(path, kMost);
  if (!text) return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  return error == std::errc{} ? std::optional(value) : std::nullopt;
}

InterfaceSettings inet_settings(const std::string& directory) {
  InterfaceSettings settings;
  settings.forwarding = number_in(directory + "/forwarding");
  settings.ignore_routes_with_linkdown = number_in(directory + "/ignore_routes_with_linkdown");
  settings.reverse_path_filter = number_in(directory + "/rp_filter");
  settings.source_valid_mark = number_in(directory + "/src_valid_mark");
  settings.accept_local = number_in(directory + "/accept_local");
  settings.route_localnet = number_in(directory + "/route_localnet");
  settings.accept_source_route = number_in(directory + "/accept_source_route");
  return settings;
}

InterfaceSettings inet6_settings(const std::string& directory) {
  InterfaceSettings settings;
  settings.forwarding = number_in(directory + "/forwarding");
  settings.ignore_routes_with_linkdown = number_in(directory + "/ignore_routes_with_linkdown");
  settings.accept_source_route = number_in(directory + "/accept_source_route");
  settings.accept_router_advertisements = number_in(directory + "/accept_ra");
  settings.disabled = number_in(directory + "/disable_ipv6");
  settings.use_temporary_addresses = number_in(directory + "/use_tempaddr");
  return settings;
}

template <class Read>
std::map<std::string, InterfaceSettings> settings_of(const std::string& family, const Read& read) {
  std::map<std::string, InterfaceSettings> all;
  const std::string root = std::string(kRoot) + "/" + family + "/conf";
  for (const std::string& interface : directory_entries(root).value_or(std::vector<std::string>{})) {
    all.emplace(interface, read(root + "/" + interface));
  }
  return all;
}

}  // namespace

Observed<RoutingSettings> read_routing_settings() {
  const std::string root = kRoot;
  RoutingSettings settings;
  settings.multipath_hash_policy = number_in(root + "/ipv4/fib_multipath_hash_policy");
  settings.multipath_use_neighbours = number_in(root + "/ipv4/fib_multipath_use_neigh");
  settings.multipath_hash_policy6 = number_in(root + "/ipv6/fib_multipath_hash_policy");
  settings.inet = settings_of("ipv4", inet_settings);
  settings.inet6 = settings_of("ipv6", inet6_settings);
  if (settings.inet.empty()) return Observed<RoutingSettings>::missing(root + " cannot be read");
  return {std::move(settings), root};
}

}  // namespace vpndoctor
