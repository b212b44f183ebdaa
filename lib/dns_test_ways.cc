// SPDX-License-Identifier: Apache-2.0
// The ways of one name; see the header.
#include "dns_test_ways.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "vpndoctor/dns_message.h"
#include "vpndoctor/prefix.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostAddresses = 4;

/// Labels of the longest domain that the name lies below; -1: none does.
int fit_of(const DnsServerTest& server, const std::string& name) {
  int best = -1;
  for (const DnsDomain& domain : server.domains) {
    if (is_below_domain(name, domain.name)) best = std::max(best, static_cast<int>(count_labels(domain.name)));
  }
  return best;
}

int best_fit(const std::vector<DnsServerTest>& servers, const std::string& name) {
  int best = -1;
  for (const DnsServerTest& server : servers) {
    if (!server.is_named) best = std::max(best, fit_of(server, name));
  }
  return best;
}

const DnsServerTest* server_of(const DnsWayAnswer& way, const std::vector<DnsServerTest>& servers) {
  const auto found = std::ranges::find_if(servers, [&way](const DnsServerTest& server) {
    return server.server.to_string() == way.way && server.scope == way.scope;
  });
  return found == servers.end() ? nullptr : &*found;
}

bool is_expected(const DnsServerTest& server, const std::string& name, int best) {
  if (server.is_named) return false;
  if (best >= 0) return fit_of(server, name) == best;
  return server.default_route.value_or(true);
}

}  // namespace

WayVerdict way_verdict(const DnsWayAnswer& way) {
  if (way.outcome != DnsOutcome::kAnswered) return WayVerdict::kUnknown;
  if (way.status == "NOERROR") return way.addresses.empty() ? WayVerdict::kNoData : WayVerdict::kFound;
  const bool none = way.status == "NXDOMAIN" || way.status == "EAI_NONAME" || way.status == "EAI_NODATA";
  return none ? WayVerdict::kNoSuchName : WayVerdict::kFailed;
}

std::vector<JudgedWay> judged_ways(const DnsNameTest& name, const std::vector<DnsServerTest>& servers) {
  const std::string canonical = canonical_dns_name(name.name);
  const int best = best_fit(servers, canonical);
  std::vector<JudgedWay> judged;
  for (const DnsWayAnswer& way : name.ways) {
    JudgedWay each{&way, server_of(way, servers), way_verdict(way), false};
    each.is_expected = each.server == nullptr || is_expected(*each.server, canonical, best);
    judged.push_back(each);
  }
  return judged;
}

std::string way_text(const DnsWayAnswer& way) {
  std::string text = way.way;
  if (!way.interface.empty()) text += " over " + way.interface;
  text += ": ";
  if (way.outcome != DnsOutcome::kAnswered) {
    return text + (way.reason.empty() ? dns_outcome_name(way.outcome) : way.reason);
  }
  if (way.addresses.empty()) {
    if (way.status == "NOERROR") return text + "no records";
    return text + way.status + (way.reason.empty() ? "" : fmt::format(" ({})", way.reason));
  }
  const std::size_t shown = std::min(way.addresses.size(), kMostAddresses);
  text += fmt::format(
      "{}", fmt::join(way.addresses.begin(), way.addresses.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (shown < way.addresses.size()) text += fmt::format(", and {} more", way.addresses.size() - shown);
  return text;
}

bool are_disjoint(const std::vector<std::string>& left, const std::vector<std::string>& right) {
  return std::ranges::none_of(left, [&right](const std::string& each) { return std::ranges::count(right, each) != 0; });
}

bool is_private_address(const std::string& text) {
  static const std::array kPrivate{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"};
  const auto address = IpAddress::parse(text);
  if (!address) return false;
  if (address->is_loopback() || address->is_link_local()) return true;
  return std::ranges::any_of(kPrivate, [&address](const char* prefix) {
    const auto parsed = IpPrefix::parse(prefix);
    return parsed && parsed->contains(*address);
  });
}

}  // namespace vpndoctor
