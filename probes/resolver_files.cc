// SPDX-License-Identifier: Apache-2.0
// Reads the files of name resolution; see dns_sources.h. What they say is the parsers' part (resolver_text.h).
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "configuration_files.h"
#include "dns_sources.h"
#include "name_cache.h"
#include "nss_modules.h"
#include "parse_number.h"
#include "proc_files.h"
#include "resolv_conf_file.h"
#include "vpndoctor/resolver_text.h"
#include "whole_file.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostHostsBytes = 16U << 20U;  // lists against advertising have 100,000 names
constexpr std::size_t kMostLinks = 1024;

ResolverEnvironment environment_of_process() {
  ResolverEnvironment environment;
  if (const char* value = std::getenv("LOCALDOMAIN")) environment.local_domain = value;
  if (const char* value = std::getenv("RES_OPTIONS")) environment.res_options = value;
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) == 0) environment.host_name = name.data();
  return environment;
}

Observed<ResolvConf> read_resolv_conf(const std::string& root) {
  const std::string path = ResolvConf().path;
  const WholeFile text = read_whole_file(root, path);
  if (!text.content && !text.is_absent) return Observed<ResolvConf>::missing(text.why_missing);
  ResolvConf file = parse_resolv_conf(text.content.value_or(""), environment_of_process());
  file.exists = text.content.has_value();
  describe_resolv_conf(file, root);
  return Observed<ResolvConf>(std::move(file), "file " + path);
}

Observed<NameServiceSwitch> read_nsswitch(const std::string& root) {
  const std::string path = "/etc/nsswitch.conf";
  const WholeFile text = read_whole_file(root, path);
  if (!text.content && !text.is_absent) return Observed<NameServiceSwitch>::missing(text.why_missing);
  NameServiceSwitch names = text.content ? parse_nsswitch(*text.content) : default_nsswitch();
  find_nss_modules(names.hosts, root);
  return Observed<NameServiceSwitch>(std::move(names), text.content ? "file " + path : "the default of glibc");
}

Observed<std::vector<HostsEntry>> read_hosts(const std::string& root) {
  const std::string path = "/etc/hosts";
  const WholeFile text = read_whole_file(root, path, kMostHostsBytes);
  if (!text.content) return Observed<std::vector<HostsEntry>>::missing(text.why_missing);
  return Observed<std::vector<HostsEntry>>(parse_hosts(*text.content), "file " + path);
}

const Link* link_of_index(const Snapshot& snapshot, int index) {
  if (!snapshot.links) return nullptr;
  const auto found = std::ranges::find(*snapshot.links, index, &Link::index);
  return found == snapshot.links->end() ? nullptr : &*found;
}

/// The main file and the drop-ins by their names, each where it comes first among the folders: what stands there under
/// the same name in a later folder is masked, also by an empty file or a link to /dev/null (systemd.unit(5),
/// src/shared/conf-parser.c).
std::vector<std::string> settings_paths(ConfigurationFiles& files, const std::string& root) {
  static constexpr std::array kFolders = {"/etc", "/run", "/usr/local/lib", "/usr/lib"};
  std::vector<std::string> paths;
  const auto is_there = [&](const std::string& path) { return ::access((root + path).c_str(), F_OK) == 0; };
  for (const char* folder : kFolders) {
    const std::string path = fmt::format("{}/systemd/resolved.conf", folder);
    if (paths.empty() && is_there(path)) paths.push_back(path);
  }
  std::vector<std::pair<std::string, std::string>> drop_ins;  // by name
  for (const char* folder : kFolders) {
    const std::string place = fmt::format("{}/systemd/resolved.conf.d", folder);
    for (std::string& path : files.list(place, "", ".conf")) {
      std::string name = path.substr(place.size() + 1);
      const bool is_masked =
          std::ranges::find(drop_ins, name, &std::pair<std::string, std::string>::first) != drop_ins.end();
      if (!is_masked) drop_ins.emplace_back(std::move(name), std::move(path));
    }
  }
  std::ranges::sort(drop_ins);
  for (auto& [name, path] : drop_ins) paths.push_back(std::move(path));
  return paths;
}

}  // namespace

void read_resolver_files(DnsConfiguration& dns, const std::string& root) {
  dns.resolv_conf = read_resolv_conf(root);
  dns.name_service_switch = read_nsswitch(root);
  dns.hosts = read_hosts(root);
  dns.name_service_cache = read_name_service_cache(root);
  dns.backups = read_resolv_conf_backups(root);
}

Observed<ResolvedSettings> read_resolved_settings(const std::string& root) {
  ConfigurationFiles files(root);
  ResolvedSettings settings;
  std::vector<std::string> limits;
  for (const std::string& path : settings_paths(files, root)) {
    const WholeFile text = read_whole_file(root, path);
    if (!text.content && !text.is_absent) limits.push_back(text.why_missing);
    if (!text.content || text.is_null_device) continue;
    settings.files.push_back(path);
    if (!add_resolved_settings(*text.content, settings)) break;
  }
  const auto command_line = read_small_file(root + "/proc/cmdline");
  if (command_line && add_kernel_command_line(*command_line, settings)) settings.files.emplace_back("/proc/cmdline");
  for (std::string& failure : files.take_failures()) limits.push_back(std::move(failure));
  Observed<ResolvedSettings> observed(std::move(settings), "resolved.conf and its drop-ins");
  for (std::string& limit : limits) observed.add_limit(std::move(limit));
  return observed;
}

Observed<std::vector<ResolvedScope>> read_networkd_scopes(const Snapshot& snapshot, const std::string& root) {
  const std::string folder = "/run/systemd/netif/links";
  const auto names = directory_entries(root + folder);
  if (!names) {
    return Observed<std::vector<ResolvedScope>>::missing(errno == ENOENT
                                                             ? "systemd-networkd does not run: there is no " + folder
                                                             : fmt::format("{}: {}", folder, std::strerror(errno)));
  }
  Observed<std::vector<ResolvedScope>> scopes(std::vector<ResolvedScope>(), "systemd-networkd's files in " + folder);
  std::vector<int> indexes;
  for (const std::string& name : *names) {
    if (const auto index = parse_number<int>(name, 10); index && *index > 0) indexes.push_back(*index);
  }
  std::ranges::sort(indexes);
  if (indexes.size() > kMostLinks) scopes.add_limit(fmt::format("only the first {} links were read", kMostLinks));
  indexes.resize(std::min(indexes.size(), kMostLinks));
  for (const int index : indexes) {
    const WholeFile text = read_whole_file(root, fmt::format("{}/{}", folder, index));
    if (!text.content && !text.is_absent) scopes.add_limit(text.why_missing);
    auto scope = text.content ? parse_networkd_scope(*text.content) : std::nullopt;
    if (!scope) continue;
    scope->interface_index = index;
    if (const Link* link = link_of_index(snapshot, index)) scope->interface = link->name;
    scopes->push_back(std::move(*scope));
  }
  return scopes;
}

}  // namespace vpndoctor
