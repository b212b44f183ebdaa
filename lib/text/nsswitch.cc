// SPDX-License-Identifier: Apache-2.0
// Reads nsswitch.conf as glibc 2.36 does: no comments, a last line without an end does not count, and a fault in the
// line of any database that it knows makes it refuse the file.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "text/lines.h"
#include "vpndoctor/resolver_text.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostFaultsTold = 8;

/// nss/databases.def.
constexpr std::array<std::string_view, 17> kDatabases = {
    "aliases",    "ethers",   "group",    "group_compat", "gshadow",       "hosts",
    "initgroups", "netgroup", "networks", "passwd",       "passwd_compat", "protocols",
    "publickey",  "rpc",      "services", "shadow",       "shadow_compat"};

enum class Action { kContinue, kReturn, kMerge };
/// What a service does on each status; the fifth is one that only the C library uses.
struct Actions {
  Action on_success = Action::kReturn;
  Action on_not_found = Action::kContinue;
  Action on_unavailable = Action::kContinue;
  Action on_try_again = Action::kContinue;

  void set_all(Action action) { on_success = on_not_found = on_unavailable = on_try_again = action; }
};

/// Cuts a line into services and their actions.
class HostsLine {
 public:
  explicit HostsLine(std::string_view line) : rest_(line) {}

  /// False when glibc does not understand the line.
  bool parse(std::vector<NssService>& services) {
    while (true) {
      skip_white();
      const std::string_view name = take_until("[");
      if (name.empty()) return true;
      Actions actions;
      skip_white();
      if (take('[') && !parse_actions(actions)) return false;
      services.push_back(service(name, actions));
    }
  }

 private:
  static NssService service(std::string_view name, const Actions& actions) {
    NssService made;
    made.name = name;
    made.return_on_success = actions.on_success == Action::kReturn;
    made.return_on_not_found = actions.on_not_found == Action::kReturn;
    made.return_on_unavailable = actions.on_unavailable == Action::kReturn;
    made.return_on_try_again = actions.on_try_again == Action::kReturn;
    made.merge_on_success = actions.on_success == Action::kMerge;
    return made;
  }

  void skip_white() {
    const auto first = rest_.find_first_not_of(kWhite);
    rest_ = first == std::string_view::npos ? std::string_view() : rest_.substr(first);
  }
  bool take(char wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// Up to white space or one of `ends`.
  std::string_view take_until(std::string_view ends) {
    const auto is_end = [&](char c) {
      return kWhite.find(c) != std::string_view::npos || ends.find(c) != std::string_view::npos;
    };
    const auto end = std::ranges::find_if(rest_, is_end);
    const std::string_view word = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    rest_.remove_prefix(word.size());
    return word;
  }

  bool parse_actions(Actions& actions) {
    skip_white();
    do {
      const bool all_but = take('!');
      Action Actions::* status = status_of(take_until("=]"));
      skip_white();
      if (status == nullptr || !take('=')) return false;
      skip_white();
      const auto action = action_of(take_until("=]"));
      if (!action) return false;
      if (all_but) {
        const Action kept = actions.*status;
        actions.set_all(*action);
        actions.*status = kept;
      } else {
        actions.*status = *action;
      }
      skip_white();
    } while (!take(']'));
    return true;
  }

  static Action Actions::* status_of(std::string_view word) {
    if (equals_ignoring_case(word, "SUCCESS")) return &Actions::on_success;
    if (equals_ignoring_case(word, "NOTFOUND")) return &Actions::on_not_found;
    if (equals_ignoring_case(word, "UNAVAIL")) return &Actions::on_unavailable;
    if (equals_ignoring_case(word, "TRYAGAIN")) return &Actions::on_try_again;
    return nullptr;
  }
  static std::optional<Action> action_of(std::string_view word) {
    if (equals_ignoring_case(word, "RETURN")) return Action::kReturn;
    if (equals_ignoring_case(word, "CONTINUE")) return Action::kContinue;
    if (equals_ignoring_case(word, "MERGE")) return Action::kMerge;
    return std::nullopt;
  }

  std::string_view rest_;
};

/// One line: its database, and what stands behind the colon. Glibc takes white space for a colon.
struct DatabaseLine {
  std::string_view database;
  std::string_view services;
};
std::optional<DatabaseLine> parse_database_line(std::string_view line) {
  const auto first = line.find_first_not_of(kWhite);
  if (first == std::string_view::npos) return std::nullopt;
  line.remove_prefix(first);
  const auto end = line.find_first_of(" \t\n\v\f\r:");
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  const auto services = line.find_first_not_of(" \t\n\v\f\r:", end);
  return DatabaseLine{line.substr(0, end), services == std::string_view::npos ? "" : line.substr(services)};
}

/// The file while it is read.
struct OpenSwitch {
  NameServiceSwitch result;
  bool has_hosts = false;
  bool is_refused = false;

  void fault(std::string text) {
    if (result.faults.size() < kMostFaultsTold) result.faults.push_back(std::move(text));
  }
  void take_line(std::size_t number, std::string_view line) {
    const auto parsed = parse_database_line(line);
    if (!parsed || std::ranges::find(kDatabases, parsed->database) == kDatabases.end()) return;
    std::vector<NssService> services;
    if (!HostsLine(parsed->services).parse(services)) {
      is_refused = true;
      return fault(fmt::format("line {}, {}, is not understood: glibc then refuses the whole file", number,
                               in_quotes(trimmed(line.substr(0, line.find('\n'))))));
    }
    if (parsed->database != "hosts") return;
    has_hosts = true;
    result.hosts = std::move(services);
  }
  NameServiceSwitch finish() {
    if (is_refused) {
      result.hosts.clear();
    } else if (!has_hosts) {
      result.hosts = default_nsswitch().hosts;
      result.is_default = true;
    } else if (result.hosts.empty()) {
      fault("the hosts line names no service: glibc finds no name");
    }
    return std::move(result);
  }
};

}  // namespace

NameServiceSwitch parse_nsswitch(std::string_view text) {
  OpenSwitch file;
  const auto last_end = text.rfind('\n');
  const std::string_view whole = last_end == std::string_view::npos ? "" : text.substr(0, last_end + 1);
  for_each_line(whole, [&](std::size_t number, std::string_view line) {
    // The end of line stays: it is white space, which a line that a NUL cuts short does not have at its end.
    const auto nul = line.find('\0');
    line = nul == std::string_view::npos ? std::string_view(line.data(), line.size() + 1) : line.substr(0, nul);
    if (!file.is_refused) file.take_line(number, line);
  });
  if (!parse_database_line(text.substr(whole.size()))) return file.finish();
  file.fault("the last line has no end of line: glibc 2.36 leaves it out");
  return file.finish();
}

NameServiceSwitch default_nsswitch() {
  NameServiceSwitch result;
  result.is_default = true;
  for (const char* name : {"files", "dns"}) result.hosts.emplace_back().name = name;
  return result;
}

bool caches_hosts(std::string_view nscd_conf) {
  bool caches = false;
  for_each_line(nscd_conf, [&](std::size_t /*number*/, std::string_view line) {
    const auto words = split(line.substr(0, line.find_first_of(std::string_view("#\0", 2))), kWhite);
    if (words.size() < 3 || words[0] != "enable-cache" || words[1] != "hosts") return;
    if (words[2] == "yes") caches = true;
    if (words[2] == "no") caches = false;
  });
  return caches;
}

}  // namespace vpndoctor
