// SPDX-License-Identifier: Apache-2.0
// Files of /proc/sys/net, one number each; see the header.
#include "routing_settings.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string>

#include "handles.h"
#include "proc_files.h"

namespace vpndoctor {
namespace {

constexpr const char* kRoot = "/proc/sys/net";

/// A folder of settings. A machine with many links has hundreds of files: each is opened from its folder, and one
/// read() is all that a number needs.
class SettingsFolder {
 public:
  explicit SettingsFolder(const std::string& path) : folder_(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

  std::optional<int> number_in(const char* name) const {
    const Fd file(::openat(folder_.get(), name, O_RDONLY | O_CLOEXEC));
    if (!file) return std::nullopt;
    std::array<char, 32> text;
    const ssize_t length = ::read(file.get(), text.data(), text.size());
    if (length <= 0) return std::nullopt;
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + length, value);
    return error == std::errc{} ? std::optional(value) : std::nullopt;
  }

 private:
  Fd folder_;
};

InterfaceSettings inet_settings(const SettingsFolder& folder) {
  InterfaceSettings settings;
  settings.forwarding = folder.number_in("forwarding");
  settings.ignore_routes_with_linkdown = folder.number_in("ignore_routes_with_linkdown");
  settings.reverse_path_filter = folder.number_in("rp_filter");
  settings.source_valid_mark = folder.number_in("src_valid_mark");
  settings.accept_local = folder.number_in("accept_local");
  settings.route_localnet = folder.number_in("route_localnet");
  settings.accept_source_route = folder.number_in("accept_source_route");
  return settings;
}

InterfaceSettings inet6_settings(const SettingsFolder& folder) {
  InterfaceSettings settings;
  settings.forwarding = folder.number_in("forwarding");
  settings.ignore_routes_with_linkdown = folder.number_in("ignore_routes_with_linkdown");
  settings.accept_source_route = folder.number_in("accept_source_route");
  settings.accept_router_advertisements = folder.number_in("accept_ra");
  settings.disabled = folder.number_in("disable_ipv6");
  settings.use_temporary_addresses = folder.number_in("use_tempaddr");
  return settings;
}

template <class Read>
std::map<std::string, InterfaceSettings> settings_of(const std::string& family, const Read& read) {
  std::map<std::string, InterfaceSettings> all;
  const std::string root = std::string(kRoot) + "/" + family + "/conf";
  for (const std::string& interface : directory_entries(root).value_or(std::vector<std::string>{})) {
    all.emplace(interface, read(SettingsFolder(root + "/" + interface)));
  }
  return all;
}

}  // namespace

Observed<RoutingSettings> read_routing_settings() {
  const std::string root = kRoot;
  RoutingSettings settings;
  const SettingsFolder ipv4(root + "/ipv4");
  settings.multipath_hash_policy = ipv4.number_in("fib_multipath_hash_policy");
  settings.multipath_use_neighbours = ipv4.number_in("fib_multipath_use_neigh");
  settings.multipath_hash_policy6 = SettingsFolder(root + "/ipv6").number_in("fib_multipath_hash_policy");
  settings.inet = settings_of("ipv4", inet_settings);
  settings.inet6 = settings_of("ipv6", inet6_settings);
  if (settings.inet.empty()) return Observed<RoutingSettings>::missing(root + " cannot be read");
  return {std::move(settings), root};
}

}  // namespace vpndoctor
