// SPDX-License-Identifier: Apache-2.0
// The resolver configuration in words, for what differs between two states. Names are put in as they are: escaping is
// the report's.
#include <fmt/format.h>

#include <algorithm>

#include "vpndoctor/dns_diff.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostJoined = 6;

template <class List, class ToText>
std::string joined(const List& list, ToText to_text) {
  if (list.empty()) return "none";
  std::string text;
  for (std::size_t i = 0; i < list.size() && i < kMostJoined; ++i) text += (i == 0 ? "" : ", ") + to_text(list[i]);
  if (list.size() > kMostJoined) text += fmt::format(" and {} more", list.size() - kMostJoined);
  return text;
}

std::string text_of(const std::vector<DnsServer>& servers) {
  return joined(servers, [](const DnsServer& server) { return server.to_string(); });
}

std::string text_of(const std::vector<DnsDomain>& domains) {
  return joined(domains, [](const DnsDomain& domain) { return (domain.route_only ? "~" : "") + domain.name; });
}

std::string text_of(const std::vector<std::string>& words) {
  return joined(words, [](const std::string& word) { return word; });
}

std::string text_of(const std::string& name) { return name.empty() ? "none" : name; }

std::string owner_text(const DnsDiffEntry& entry) {
  if (entry.owner.empty()) return "an unknown program";
  return entry.mode.empty() ? entry.owner : fmt::format("{} ({})", entry.owner, entry.mode);
}

class Changes {
 public:
  template <class T>
  void compare(const char* what, const T& before, const T& after) {
    if (before != after) say(fmt::format("{} changed from {} to {}", what, text_of(before), text_of(after)));
  }
  void say(std::string text) { changes_.push_back(std::move(text)); }
  std::vector<std::string> take() { return std::move(changes_); }

 private:
  std::vector<std::string> changes_;
};

const char* word_for_settings(DnsDiffEntry::Kind kind) {
  switch (kind) {
    case DnsDiffEntry::Kind::kResolvConf:
      return "options";
    case DnsDiffEntry::Kind::kNameServiceSwitch:
      return "the hosts line";
    case DnsDiffEntry::Kind::kScope:
      return "settings";
  }
  return "settings";
}

}  // namespace

const char* dns_diff_kind_name(DnsDiffEntry::Kind kind) {
  switch (kind) {
    case DnsDiffEntry::Kind::kResolvConf:
      return "resolv_conf";
    case DnsDiffEntry::Kind::kNameServiceSwitch:
      return "name_service_switch";
    case DnsDiffEntry::Kind::kScope:
      return "scope";
  }
  return "scope";
}

std::string dns_diff_title(const DnsDiffEntry& entry) {
  if (entry.kind != DnsDiffEntry::Kind::kScope) return entry.id;
  if (entry.source == "dnsmasq") return fmt::format("dnsmasq on {}", entry.id);
  if (entry.source == "macOS") return fmt::format("resolver for {}", entry.id);
  const std::string title = entry.id == "global" ? "global resolver" : fmt::format("resolver of {}", entry.id);
  return entry.source == "NetworkManager" ? "NetworkManager's " + title : title;
}

std::string dns_diff_content(const DnsDiffEntry& entry) {
  if (entry.kind == DnsDiffEntry::Kind::kNameServiceSwitch) return text_of(entry.settings);
  const char* none = entry.kind == DnsDiffEntry::Kind::kScope ? "no server" : "no nameserver";
  std::string text = entry.servers.empty() ? none : text_of(entry.servers);
  if (!entry.domains.empty()) text += " for " + text_of(entry.domains);
  return text;
}

std::vector<std::string> dns_diff_changes(const DnsDiffEntry& before, const DnsDiffEntry& after) {
  Changes changes;
  if (owner_text(before) != owner_text(after)) {
    changes.say(fmt::format("owner changed from {} to {}", owner_text(before), owner_text(after)));
  }
  changes.compare("link", before.link_target, after.link_target);
  changes.compare("servers", before.servers, after.servers);
  const bool is_file = after.kind == DnsDiffEntry::Kind::kResolvConf;
  changes.compare(is_file ? "search list" : "domains", before.domains, after.domains);
  changes.compare(word_for_settings(after.kind), before.settings, after.settings);
  if (before.default_route.value_or(false) != after.default_route.value_or(false)) {
    changes.say(after.default_route.value_or(false) ? "is now the default for names"
                                                    : "is no longer the default for names");
  }
  return changes.take();
}

}  // namespace vpndoctor
