// SPDX-License-Identifier: Apache-2.0
// The model of dnsmasq; see dns_explain.h. Follows src/domain-match.c and src/forward.c of dnsmasq 2.90. Which domains
// NetworkManager gives it is dns_nm_domains.h's.
#include <fmt/format.h>

#include <algorithm>

#include "dns_nm_domains.h"
#include "dns_paths.h"

namespace vpndoctor {
namespace {

/// An upstream with the domain by which it was matched.
struct MatchedUpstream {
  const DnsmasqUpstream* upstream;
  std::string domain;  ///< empty: the default
  bool fits = false;
};

std::string scope_name(const MatchedUpstream& matched) {
  const std::string server = matched.upstream->server.to_string();
  return matched.domain.empty() ? server : fmt::format("{} {}", server, matched.domain);
}

unsigned labels_of(const MatchedUpstream& matched) { return matched.domain.empty() ? 0 : count_labels(matched.domain); }

/// One look-up in dnsmasq's list of servers.
class DnsmasqPath {
 public:
  DnsmasqPath(const DnsQuestion& question, const DnsmasqInstance& instance)
      : name_(canonical_dns_name(question.name)), instance_(&instance) {
    path_.caller = question.caller;
  }

  DnsPath explain(const std::vector<DnsmasqUpstream>& upstreams) && {
    for (const DnsmasqUpstream& upstream : upstreams) consider(upstream);
    unsigned best = 0;
    bool found = false;
    for (const MatchedUpstream& each : matched_) {
      if (!each.fits) continue;
      best = std::max(best, labels_of(each));
      found = true;
    }
    if (const std::string own = longest_own_domain(); !own.empty() && (!found || count_labels(own) > best)) {
      answer_alone(own);
      best = count_labels(own) + 1;
    }
    choose(best);
    return std::move(path_);
  }

 private:
  void consider(const DnsmasqUpstream& upstream) {
    if (upstream.domains.empty()) matched_.push_back({&upstream, {}, true});
    for (const std::string& domain : upstream.domains) {
      const bool is_default = domain == ".";
      matched_.push_back({&upstream, is_default ? std::string() : domain, is_below_domain(name_, domain)});
    }
  }

  std::string longest_own_domain() const {
    std::string longest;
    for (const std::string& domain : instance_->never_forwarded) {
      const bool is_longer = longest.empty() || count_labels(domain) > count_labels(longest);
      if (is_below_domain(name_, domain) && is_longer) longest = domain;
    }
    return longest;
  }

  void answer_alone(const std::string& domain) {
    path_.answered_by = "dnsmasq";
    path_.is_answered_here = true;
    path_.steps.push_back(fmt::format("dnsmasq never forwards names in {}: it says that there is none.", domain));
  }

  void choose(unsigned best) {
    for (const MatchedUpstream& each : matched_) {
      DnsCandidate candidate;
      candidate.scope = scope_name(each);
      candidate.matched_domain = each.fits ? each.domain : std::string();
      candidate.chosen = each.fits && labels_of(each) == best;
      if (each.fits) candidate.score = {DnsScore::Rank::kYes, labels_of(each)};
      candidate.rule = rule_of(each, candidate.chosen);
      if (candidate.chosen) ask(each);
      path_.candidates.push_back(std::move(candidate));
    }
    if (path_.asked.size() > 1) {
      path_.parallel = true;
      path_.notes.push_back(
          "dnsmasq sends the first query, and one from time to time, to all of these servers; others go "
          "to the one that answered last.");
    }
    if (!path_.asked.empty()) path_.answered_by = path_.asked.front().server->to_string();
    if (path_.asked.empty() && !path_.is_answered_here) {
      path_.steps.emplace_back("dnsmasq has no server for this name and refuses it.");
    }
  }

  static std::string rule_of(const MatchedUpstream& each, bool chosen) {
    if (!each.fits) return fmt::format("the name is not in {}", each.domain);
    if (each.domain.empty()) return chosen ? "no domain fits: it is a default server" : "a domain fits better";
    if (chosen) return fmt::format("its domain {} is the longest that fits", each.domain);
    return "a longer domain fits";
  }

  void ask(const MatchedUpstream& matched) {
    DnsQuery query;
    query.server = matched.upstream->server;
    query.interface = matched.upstream->interface;
    query.name = name_;
    query.scope = scope_name(matched);
    const auto is_same = [&](const DnsQuery& other) { return other.server == query.server; };
    if (std::ranges::none_of(path_.asked, is_same)) path_.asked.push_back(std::move(query));
  }

  std::string name_;
  const DnsmasqInstance* instance_;
  std::vector<MatchedUpstream> matched_;
  DnsPath path_;
};

DnsPath not_known(const DnsQuestion& question, std::string why) {
  DnsPath path;
  path.caller = question.caller;
  path.leaks_to.reset();
  path.uncertain = why;
  path.why_leaks_unknown = std::move(why);
  return path;
}

}  // namespace

DnsPath explain_dnsmasq(const Snapshot& snapshot, const DnsQuestion& question, const DnsmasqInstance& instance) {
  if (instance.belongs_to_network_manager) {
    if (auto domains = network_manager_domains(snapshot)) {
      DnsPath path = DnsmasqPath(question, instance).explain(domains->upstreams);
      path.uncertain = std::move(domains->uncertain);
      return path;
    }
  }
  if (!instance.upstreams) {
    return not_known(question, fmt::format("what dnsmasq asks is not known: {}", instance.upstreams.why_missing()));
  }
  DnsPath path = DnsmasqPath(question, instance).explain(*instance.upstreams);
  if (instance.domains_are_known) return path;
  path.uncertain = "which names dnsmasq sends to which server is not known: its configuration was not read whole";
  path.leaks_to.reset();
  path.why_leaks_unknown = path.uncertain;
  return path;
}

}  // namespace vpndoctor
