// SPDX-License-Identifier: Apache-2.0
// What one should know about an explanation for macOS; see the header.
#include "macos_notes.h"

#include <fmt/format.h>

#include <algorithm>

#include "macos_resolvers.h"

namespace vpndoctor {
namespace {

using Entries = std::vector<const MacosResolver*>;

constexpr const char* kInvisible =
    "encrypted DNS that a profile or an app has set, and iCloud Private Relay, do not show in `scutil --dns`: they "
    "would "
    "take the name elsewhere";

bool has(const std::vector<std::string>& list, const std::string& text) { return std::ranges::count(list, text) != 0; }

/// The servers that unbound programs ask for the name at first.
Entries usual_choice(const Snapshot& snapshot, const std::string& name, std::uint16_t type) {
  if (!snapshot.dns.macos) return {};
  return choose_macos_entries(macos_entries_for(*snapshot.dns.macos, {}), name, type).unicast;
}

std::string first_server(const MacosResolver& entry) { return entry.servers.front().to_string(); }

/// The equally good entries of tunnels before one that is none.
void note_failing_over(const Snapshot& snapshot, const Entries& chosen, DnsPath& path) {
  const auto outside =
      std::ranges::find_if(chosen, [&](const MacosResolver* entry) { return !is_tunnel(snapshot, entry->interface); });
  if (outside == chosen.begin() || outside == chosen.end() || !is_tunnel(snapshot, chosen.front()->interface)) return;
  const MacosResolver& inside = *chosen.front();
  path.notes.push_back(fmt::format(
      "When {} in the tunnel {} does not answer, the name goes to {} outside it: {} (order {}) fits as well as "
      "{} (order {}), and only its order puts it behind.",
      first_server(inside), inside.interface, first_server(**outside), macos_scope_name(**outside), (*outside)->order,
      macos_scope_name(inside), inside.order));
}

/// Programs that are bound to another interface do not see the tunnel's entry.
void note_bound_programs(const Snapshot& snapshot, const Entries& chosen, DnsPath& path) {
  if (chosen.empty() || !is_tunnel(snapshot, chosen.front()->interface)) return;
  std::vector<std::string> interfaces;
  for (const MacosResolver& each : snapshot.dns.macos->resolvers) {
    const bool is_scoped = each.section == MacosResolver::Section::kScoped && !each.interface.empty();
    if (is_scoped && !is_tunnel(snapshot, each.interface) && !has(interfaces, each.interface)) {
      interfaces.push_back(each.interface);
    }
  }
  constexpr std::size_t kMost = 3;
  if (interfaces.size() > kMost) interfaces.resize(kMost);
  for (const std::string& interface : interfaces) {
    path.notes.push_back(fmt::format(
        "A program that is bound to {0} does not ask {1}: it looks only at the entries that are scoped to {0}.",
        interface, first_server(*chosen.front())));
  }
}

void note_other_programs(const DnsQuestion& question, const Entries& usual, DnsPath& path) {
  if (usual.empty()) return;
  const DnsServer& server = usual.front()->servers.front();
  if (std::ranges::any_of(path.asked, [&](const DnsQuery& query) { return query.server == server; })) return;
  if (question.caller == DnsCaller::kBound) {
    path.notes.push_back(
        fmt::format("A program that is not bound asks {} ({}): a name that only this server knows works in Safari, and "
                    "fails in a program that is bound to {}.",
                    server.to_string(), macos_scope_name(*usual.front()), question.interface));
  } else {
    path.notes.push_back(
        fmt::format("Other programs ask {} ({}): a name that only this server knows works in Safari, and fails in dig. "
                    "`dscacheutil -q host -a name NAME` asks as other programs do.",
                    server.to_string(), macos_scope_name(*usual.front())));
  }
}

/// An entry whose interface went away, or whose server the Mac cannot reach.
void note_dead_entries(const Entries& chosen, DnsPath& path) {
  for (const MacosResolver* entry : chosen) {
    if (entry->interface_index && entry->interface.empty()) {
      path.notes.push_back(
          fmt::format("{} belongs to the interface number {}, which is gone: its VPN has left it behind.",
                      macos_scope_name(*entry), *entry->interface_index));
    } else if (has(entry->reach, "Not Reachable")) {
      path.notes.push_back(
          fmt::format("macOS has no way to {} of {} now.", first_server(*entry), macos_scope_name(*entry)));
    }
  }
}

}  // namespace

std::string why_macos_is_uncertain(const Snapshot& snapshot) {
  const auto& macos = snapshot.dns.macos;
  if (!macos) return fmt::format("the output of `scutil --dns` is not known: {}", macos.why_missing());
  if (!macos.limits().empty()) return fmt::format("the output of `scutil --dns` has gaps: {}", macos.limits().front());
  return kInvisible;
}

void add_macos_notes(const Snapshot& snapshot, const DnsQuestion& question, DnsPath& path) {
  if (!snapshot.dns.macos || path.is_answered_here || path.asked.empty()) return;
  const std::string& name = path.asked.front().name;
  const Entries usual = usual_choice(snapshot, name, question.type);
  if (question.caller != DnsCaller::kLibc) return note_other_programs(question, usual, path);
  note_failing_over(snapshot, usual, path);
  note_bound_programs(snapshot, usual, path);
  note_dead_entries(usual, path);
}

}  // namespace vpndoctor
