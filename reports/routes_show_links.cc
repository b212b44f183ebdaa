// SPDX-License-Identifier: Apache-2.0
// Rules and links as tables.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <tuple>

#include "routes_show_parts.h"
#include "units.h"
#include "vpndoctor/route_owner.h"
#include "vpndoctor/route_words.h"
#include "vpndoctor/routes_overview.h"

namespace vpndoctor {
namespace {

/// The rule without its priority and protocol, which stand in columns of their own.
std::string rule_text(Rule rule, const Snapshot& snapshot) {
  const std::string table = rule.table == kTableUnspecified ? "" : snapshot.table_name(rule.table);
  rule.protocol = kProtocolUnspecified;
  std::vector<std::string> words = rule_words(rule);
  words.resize(words.size() - 2);
  const auto lookup = std::ranges::find(words, "lookup");
  if (lookup != words.end() && lookup + 1 != words.end() && !table.empty()) *(lookup + 1) = table;
  return joined(words);
}

struct RuleLine {
  std::uint32_t priority = 0;
  bool inet = false;
  bool inet6 = false;
  std::string text;
  std::string owner;
};

/// Rules of both families side by side: the same one of the other family joins the line of the first.
std::vector<RuleLine> rule_lines(const Snapshot& snapshot) {
  std::vector<RuleLine> lines;
  // Lines of one family that wait for the other's, the first first.
  std::map<std::tuple<bool, std::uint32_t, std::string>, std::deque<std::size_t>> waiting;
  for (const Rule& rule : *snapshot.rules) {
    const bool is_inet = rule.family == Family::kInet;
    std::string text = rule_text(rule, snapshot);
    if (auto& others = waiting[{!is_inet, rule.priority, text}]; !others.empty()) {
      RuleLine& same = lines[others.front()];
      others.pop_front();
      (is_inet ? same.inet : same.inet6) = true;
      continue;
    }
    waiting[{is_inet, rule.priority, text}].push_back(lines.size());
    lines.push_back({rule.priority, is_inet, !is_inet, std::move(text), rule_owner(snapshot, rule).name});
  }
  std::ranges::stable_sort(lines, {}, &RuleLine::priority);
  return lines;
}

const char* families_text(const RuleLine& line) {
  if (line.inet && line.inet6) return "4+6";
  return line.inet ? "4" : "6";
}

/// Every interface with IPv6 has one, of which nobody on a bad day wants to know.
bool is_folded(const Address& address) {
  return address.address.family == Family::kInet6 && address.address.is_link_local();
}

std::string addresses_text(const Snapshot& snapshot, const Link& link, bool unfolded) {
  std::string text;
  if (!snapshot.addresses) return text;
  for (const Address& address : *snapshot.addresses) {
    if (address.interface != link.name || (is_folded(address) && !unfolded)) continue;
    text += fmt::format("{}{}/{}", text.empty() ? "" : " ", address.address, address.prefix_length);
    if (address.peer) text += fmt::format(" peer {}", *address.peer);
  }
  return text;
}

std::string kind_text(const Snapshot& snapshot, const Link& link) {
  std::string kind = link.kind.empty() ? (link.is_loopback() ? "loopback" : "") : link.kind;
  if (!is_tunnel(snapshot, link.name)) return kind;
  return kind.empty() ? "tunnel" : "tunnel, " + kind;
}

bool is_container_port(const Link& link) { return link.kind == "veth" && !link.master.empty(); }

std::vector<std::string> link_row(const Snapshot& snapshot, const Link& link, bool unfolded) {
  return {link.name,
          link_state_name(&link),
          kind_text(snapshot, link),
          link.mtu_bytes ? std::to_string(*link.mtu_bytes) : "-",
          link_owner(snapshot, link).name,
          addresses_text(snapshot, link, unfolded)};
}

std::size_t folded_addresses(const Snapshot& snapshot) {
  return snapshot.addresses ? static_cast<std::size_t>(std::ranges::count_if(*snapshot.addresses, is_folded)) : 0;
}

std::string counted_addresses(std::size_t count) {
  return fmt::format("{} link-local {}", count, count == 1 ? "address" : "addresses");
}

Style link_style(const Snapshot& snapshot, const Link& link) {
  if (!is_tunnel(snapshot, link.name)) return Style::kPlain;
  return link.is_running() ? Style::kStrong : Style::kDoubtful;
}

}  // namespace

void write_rules(const Snapshot& snapshot, Page& page) {
  if (!snapshot.rules) return;
  page.heading("Rules, in the order they are asked");
  StyledTable styled;
  styled.table.columns = {{.title = "pref", .right_aligned = true},
                          {.title = "IP"},
                          {.title = "rule", .flexible = true},
                          {.title = "made by"}};
  for (RuleLine& line : rule_lines(snapshot)) {
    styled.table.rows.push_back(
        {std::to_string(line.priority), families_text(line), std::move(line.text), std::move(line.owner)});
  }
  page.table(styled);
}

void write_links(const Snapshot& snapshot, bool unfolded, Page& page) {
  if (!snapshot.links) return;
  page.heading("Links");
  StyledTable styled;
  styled.table.columns = {{.title = "name"},  {.title = "state"},
                          {.title = "kind"},  {.title = "MTU", .right_aligned = true},
                          {.title = "owner"}, {.title = "addresses", .flexible = true}};
  std::size_t ports = 0;
  for (const Link& link : *snapshot.links) {
    if (!unfolded && is_container_port(link)) {
      ++ports;
      continue;
    }
    styled.table.rows.push_back(link_row(snapshot, link, unfolded));
    styled.styles.push_back(link_style(snapshot, link));
  }
  page.table(styled);
  std::string rest;
  if (ports > 0) rest = counted(ports, "veth interface") + " in bridges";
  if (const std::size_t hidden = unfolded ? 0 : folded_addresses(snapshot); hidden > 0) {
    rest += (rest.empty() ? "" : ", ") + counted_addresses(hidden);
  }
  if (!rest.empty()) page.paragraph(fmt::format("and {} (--all lists them)", rest), 2, Style::kQuiet);
}

}  // namespace vpndoctor
