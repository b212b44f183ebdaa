// SPDX-License-Identifier: Apache-2.0
// Finds pppd by the file that it keeps for each interface (pppd/main.c create_pidfile()); see the header.
#include "ppp_query.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "parse_number.h"
#include "proc_files.h"
#include "vpndoctor/ppp_use.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostArgumentBytes = 64 << 10;
constexpr std::string_view kDeleted = " (deleted)";
constexpr const char* kLeadNowhere = "the kernel does not tell where its outer packets go";

std::string_view first_line(std::string_view text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
  return line.substr(begin);
}

std::optional<std::uint32_t> pid_in_file(const std::string& root, const std::string& interface) {
  for (const char* folder : {"/run/", "/var/run/"}) {
    const auto text = read_small_file(root + folder + interface + ".pid");
    if (!text) continue;
    if (const auto pid = parse_number<std::uint32_t>(first_line(*text))) return pid;
  }
  return std::nullopt;
}

std::string name_of_process(const std::string& place) {
  const auto text = read_small_file(place + "/comm");
  return std::string(first_line(text.value_or("")));
}

/// The words after "plugin" and "pty"; others may be secrets.
std::vector<std::string> telling_arguments(const std::string& place) {
  auto text = read_small_file(place + "/cmdline", kMostArgumentBytes);
  std::vector<std::string> telling;
  if (!text) return telling;
  bool is_told = false;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::string_view word = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    const bool is_option = word == "plugin" || word == "pty";
    if (is_told) telling.emplace_back(word.substr(0, word.find(' ')));
    if (is_option && !is_told) telling.emplace_back(word);
    is_told = is_option && !is_told;
  }
  ::explicit_bzero(text->data(), text->size());
  return telling;
}

std::optional<std::vector<std::string>> plugins_of(const std::string& place) {
  const auto text = read_small_file(place + "/maps");
  // A process of another user may have a file of nothing.
  if (!text || text->empty()) return std::nullopt;
  std::vector<std::string> plugins;
  for (std::string_view rest = *text; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    // An update that replaced the file changes nothing of what is loaded (d_path() of the kernel says this).
    if (line.ends_with(kDeleted)) line.remove_suffix(kDeleted.size());
    const std::size_t path = line.find('/');
    if (path == std::string_view::npos || !line.ends_with(".so")) continue;
    std::string plugin(line.substr(path));
    if (std::ranges::find(plugins, plugin) == plugins.end()) plugins.push_back(std::move(plugin));
  }
  return plugins;
}

std::optional<std::vector<std::string>> lines_of(const std::string& place) {
  const auto entries = directory_entries(place + "/fd");
  if (!entries) return std::nullopt;
  std::vector<std::string> lines;
  for (const std::string& entry : *entries) {
    std::string target = link_target(place + "/fd/" + entry);
    if (target.empty() && !has_ended(errno)) return std::nullopt;
    if (target.starts_with("/dev/")) lines.push_back(std::move(target));
  }
  return lines;
}

/// The fourth field of /proc/PID/stat, behind the name in brackets, whatever that holds.
std::string parent_of(const std::string& root, const std::string& place) {
  const auto text = read_small_file(place + "/stat");
  const std::size_t end = text ? text->rfind(')') : std::string::npos;
  if (end == std::string::npos || end + 4 >= text->size()) return {};
  const std::string_view rest = std::string_view(*text).substr(end + 4);
  const auto pid = parse_number<std::uint32_t>(rest.substr(0, rest.find(' ')));
  return pid ? name_of_process(fmt::format("{}/proc/{}", root, *pid)) : std::string();
}

/// Null: not known.
std::optional<bool> is_in_this_namespace(const std::string& root, const std::string& place) {
  const std::string space = link_target(place + "/ns/net");
  const std::string own = link_target(root + "/proc/self/ns/net");
  if (space.empty() || own.empty()) return std::nullopt;
  return space == own;
}

/// The kernel's sessions do not tell which interface they serve; a reader may know.
std::string session_words(const std::string& root) {
  const auto text = read_small_file(root + "/proc/net/pppoe");
  const auto sessions = parse_pppoe_sessions(text.value_or(""));
  return sessions.empty() ? "" : fmt::format("; a PPPoE session on {} may be its", sessions.front().interface);
}

}  // namespace

void take_ppp_use(const std::string& root, Tunnel& tunnel) {
  const auto pid = pid_in_file(root, tunnel.interface);
  const std::string place = pid ? fmt::format("{}/proc/{}", root, *pid) : std::string();
  const bool is_pppd = pid && name_of_process(place) == "pppd";
  const std::optional<bool> is_here = is_pppd ? is_in_this_namespace(root, place) : false;
  if (!is_here.value_or(true)) {
    tunnel.not_seen = "the pppd that made it was not found" + session_words(root);
    return;
  }
  if (is_here) {
    tunnel.holder_pid = pid;
    tunnel.holder_name = "pppd";
  }
  const PppUse use = ppp_use_of({.arguments = telling_arguments(place),
                                 .plugins = plugins_of(place),
                                 .lines = lines_of(place),
                                 .parent = parent_of(root, place)});
  tunnel.kind = use.kind;
  tunnel.not_seen = use.why_unknown;
  if (!use.why_unknown.empty()) tunnel.not_seen += session_words(root);
  if (is_uplink_kind(use.kind)) return;
  if (use.why_unknown.empty()) tunnel.not_seen = kLeadNowhere;
  if (!is_here) tunnel.holder_not_seen = fmt::format("the network namespace of process {} may not be read", *pid);
}

}  // namespace vpndoctor
