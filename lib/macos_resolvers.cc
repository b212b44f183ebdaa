// SPDX-License-Identifier: Apache-2.0
// Which entries of `scutil --dns` a name goes to; see the header.
#include "macos_resolvers.h"

#include <fmt/format.h>

#include <algorithm>

#include "vpndoctor/dns_explain.h"

namespace vpndoctor {
namespace {

constexpr std::uint16_t kMulticastPort = 5353;
constexpr std::string_view kLocal = "local";

unsigned labels_of(const MacosResolver& resolver) {
  return resolver.domain.empty() ? 0 : count_labels(resolver.domain);
}

// Names below "local" are asked by multicast whatever the configuration says (IsLocalDomain()). Networks that use them
// in DNS are asked as well: names of three labels, or below a domain of the search list.
bool is_also_asked_by_unicast(const std::vector<const MacosResolver*>& entries, const std::string& name,
                              std::uint16_t type) {
  if (type != kDnsTypeA && type != kDnsTypeAaaa) return false;
  if (count_labels(name) >= 3) return true;
  return std::ranges::any_of(macos_search_list(entries), [&](const std::string& domain) {
    return is_below_domain(domain, kLocal) && is_below_domain(name, domain);
  });
}

/// Those of `entries` that `fits` names and that have the longest domain.
template <class Fits>
std::vector<const MacosResolver*> longest_of(const std::vector<const MacosResolver*>& entries, Fits fits) {
  std::vector<const MacosResolver*> best;
  for (const MacosResolver* entry : entries) {
    if (!fits(*entry)) continue;
    if (!best.empty() && labels_of(*entry) < labels_of(*best.front())) continue;
    if (!best.empty() && labels_of(*entry) > labels_of(*best.front())) best.clear();
    best.push_back(entry);
  }
  return best;
}

}  // namespace

std::string macos_scope_name(const MacosResolver& resolver) {
  switch (resolver.section) {
    case MacosResolver::Section::kUnscoped:
      break;
    case MacosResolver::Section::kScoped:
      return fmt::format("scoped resolver #{}", resolver.number);
    case MacosResolver::Section::kServiceSpecific:
      return fmt::format("service resolver #{}", resolver.number);
  }
  return fmt::format("resolver #{}", resolver.number);
}

std::vector<const MacosResolver*> macos_entries_for(const MacosDns& dns, std::string_view interface) {
  const auto section = interface.empty() ? MacosResolver::Section::kUnscoped : MacosResolver::Section::kScoped;
  std::vector<const MacosResolver*> entries;
  for (const MacosResolver& each : dns.resolvers) {
    if (each.section == section && (interface.empty() || each.interface == interface)) entries.push_back(&each);
  }
  std::ranges::stable_sort(entries, {}, &MacosResolver::order);
  return entries;
}

bool is_macos_multicast(const MacosResolver& resolver) {
  return resolver.options == "mdns" || resolver.port == kMulticastPort;
}

bool is_macos_unicast(const MacosResolver& resolver) {
  return !resolver.servers.empty() && !is_macos_multicast(resolver);
}

bool takes_name(const MacosResolver& resolver, std::string_view name) {
  return resolver.domain.empty() || is_below_domain(name, resolver.domain);
}

std::vector<std::string> macos_search_list(const std::vector<const MacosResolver*>& entries) {
  const auto found = std::ranges::find_if(
      entries, [](const MacosResolver* entry) { return entry->domain.empty() && !entry->search.empty(); });
  return found == entries.end() ? std::vector<std::string>() : (*found)->search;
}

MacosChoice choose_macos_entries(const std::vector<const MacosResolver*>& entries, const std::string& name,
                                 std::uint16_t type) {
  MacosChoice choice;
  choice.unicast = longest_of(
      entries, [&](const MacosResolver& entry) { return is_macos_unicast(entry) && takes_name(entry, name); });
  const auto multicast = longest_of(entries, [&](const MacosResolver& entry) {
    return is_macos_multicast(entry) && !entry.domain.empty() && takes_name(entry, name);
  });
  const bool is_local = is_below_domain(name, kLocal);
  const bool is_longest = !multicast.empty() && (choice.unicast.empty() ||
                                                 labels_of(*multicast.front()) >= labels_of(*choice.unicast.front()));
  choice.multicast = is_local || is_longest;
  if (!choice.multicast) return choice;
  if (!multicast.empty()) choice.multicast_entry = multicast.front();
  if (!is_local || !is_also_asked_by_unicast(entries, name, type)) choice.unicast.clear();
  return choice;
}

}  // namespace vpndoctor
