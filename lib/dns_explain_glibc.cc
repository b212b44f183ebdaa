// SPDX-License-Identifier: Apache-2.0
// The model of a resolver that reads resolv.conf; see dns_explain.h. The order of names and servers is
// dns_glibc_schedule.h's, what a local forwarder asks dns_forwarder.h's.
#include <fmt/format.h>

#include <algorithm>

#include "dns_forwarder.h"
#include "dns_glibc_schedule.h"
#include "dns_paths.h"

namespace vpndoctor {
namespace {

using Where = DnsEgress::Where;

/// A server of resolv.conf that is really asked.
struct AskedServer {
  DnsServer server;
  std::size_t index = 0;  ///< in ResolvConf::used_servers
  DnsEgress egress;
};

/// Writes one way that goes through resolv.conf.
class ResolvConfPath {
 public:
  ResolvConfPath(const DnsGround& ground, const DnsQuestion& question, bool search)
      : ground_(&ground), question_(&question), search_(search) {
    path_.caller = question.caller;
    path_.interface = question.interface;
  }

  DnsPath explain() && {
    const Observed<ResolvConf>& observed = ground_->snapshot.dns.resolv_conf;
    if (!observed) {
      path_.uncertain = fmt::format("resolv.conf is not known: {}", observed.why_missing());
      path_.leaks_to.reset();
      path_.why_leaks_unknown = path_.uncertain;
      return std::move(path_);
    }
    conf_ = observed.get();
    names_ = glibc_names(*conf_, question_->name, search_);
    if (!names_.why_none.empty()) {
      path_.steps.push_back(fmt::format("Nothing is sent: {}.", names_.why_none));
      return std::move(path_);
    }
    pick_servers();
    ask_all();
    if (!servers_.empty()) add_delays();
    add_notes();
    return std::move(path_);
  }

 private:
  bool is_bound() const { return question_->caller == DnsCaller::kBound; }
  DnsPath& say(std::string step) {
    path_.steps.push_back(std::move(step));
    return path_;
  }

  /// Leaves out the servers that the kernel refuses to send to, or where nobody listens: the next one is asked at once.
  void pick_servers() {
    if (!conf_->exists) say("There is no resolv.conf: 127.0.0.1 is asked.");
    for (std::size_t i = 0; i < conf_->used_servers.size(); ++i) {
      const DnsServer& server = conf_->used_servers[i];
      AskedServer asked{server, i, dns_egress(*ground_, server, is_bound() ? question_->interface : "")};
      std::string why = asked.egress.where == Where::kNowhere ? asked.egress.why : std::string();
      if (asked.egress.where == Where::kHere) why = why_not_answered_here(server);
      if (why.empty()) {
        servers_.push_back(std::move(asked));
      } else {
        say(fmt::format("{} is passed over at once: {}.", server.to_string(), why));
      }
    }
    if (servers_.empty()) say("No server of resolv.conf can be reached.");
  }

  std::string why_not_answered_here(const DnsServer& server) const {
    if (is_bound())
      return fmt::format("a server on this machine does not answer a socket bound to {}", question_->interface);
    return forwarder_at(ground_->snapshot, server, *question_).why_nobody;
  }

  void ask_all() {
    std::vector<std::string> names;
    for (std::string& name : names_.all()) {  // with "search ." glibc sends a name twice
      if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
    }
    for (std::size_t i = 0; i < names.size() && !servers_.empty(); ++i) {
      const std::string after = i == 0 ? std::string() : fmt::format("{} is not found", names[i - 1]);
      for (std::size_t j = 0; j < servers_.size(); ++j) ask(names[i], j, after);
    }
    if (!path_.asked.empty() && path_.answered_by.empty() && path_.asked.front().server) {
      path_.answered_by = path_.asked.front().server->to_string();
    }
  }

  void ask(const std::string& name, std::size_t j, const std::string& after) {
    const AskedServer& asked = servers_[j];
    std::string only_if = after;
    if (j > 0) {
      const std::string failed = why_next(servers_[j - 1]);
      only_if = after.empty() ? failed : fmt::format("{}, and {}", after, failed);
    }
    if (asked.egress.where == Where::kHere) return follow(name, asked, only_if);
    DnsQuery query;
    query.server = asked.server;
    query.interface = asked.egress.interface;
    query.name = name;
    query.scope = "resolv.conf";
    query.only_if = std::move(only_if);
    path_.asked.push_back(std::move(query));
  }

  std::string why_next(const AskedServer& before) const {
    if (conf_->rotate) return fmt::format("{} fails, or rotate begins here", before.server.to_string());
    if (!search_) return fmt::format("{} does not answer", before.server.to_string());
    return fmt::format("{} does not answer in {} s, or says SERVFAIL or REFUSED", before.server.to_string(),
                       glibc_wait(*conf_, before.index).count());
  }

  void follow(const std::string& name, const AskedServer& asked, const std::string& only_if) {
    DnsQuestion question = *question_;
    question.name = name + (name.ends_with('.') ? "" : ".");
    const DnsForwarder forwarder = forwarder_at(ground_->snapshot, asked.server, question);
    const bool is_first = std::ranges::find(followed_, asked.server) == followed_.end();
    if (is_first) {
      followed_.push_back(asked.server);
      say(fmt::format("{} is {}.", asked.server.to_string(), forwarder.name));
    }
    if (forwarder.path) {
      append_dns_path(path_, *forwarder.path, only_if);
      return;
    }
    DnsQuery query;
    query.server = asked.server;
    query.name = name;
    query.scope = "resolv.conf";
    query.only_if = only_if;
    path_.asked.push_back(std::move(query));
    path_.leaks_to.reset();
    path_.why_leaks_unknown = forwarder.why_unknown;
  }

  /// What it costs when the first server that is asked says nothing and the others answer.
  void add_delays() {
    if (!search_) return;
    const auto servers = [this](std::size_t server, const std::string& /*name*/) {
      if (server == servers_.front().index) return GlibcOutcome::kSilent;
      const auto is_it = [server](const AskedServer& asked) { return asked.index == server; };
      return std::ranges::any_of(servers_, is_it) ? GlibcOutcome::kAnswer : GlibcOutcome::kNoRoute;
    };
    const GlibcRun run = play_glibc(*conf_, names_, servers, servers_.front().index);
    path_.delay_if_first_is_silent = run.took;
    if (servers_.front().egress.where == Where::kHere) return;  // it would have to hang
    const double seconds = std::chrono::duration<double>(run.took).count();
    const std::string first = servers_.front().server.to_string();
    const std::string what = run.answered_by ? "this answer takes" : "this fails after";
    const std::string why = why_silent(servers_.front());
    path_.notes.push_back(why.empty() ? fmt::format("If {} is silent, {} {} s.", first, what, seconds)
                                      : fmt::format("T{} {} s because {} {}.", what.substr(1), seconds, first, why));
  }

  /// Why a server is known to be silent; empty: it is not known.
  std::string why_silent(const AskedServer& asked) const {
    const Link* link = ground_->snapshot.find_link(asked.egress.interface);
    if (link == nullptr || asked.egress.where == Where::kHere || link->is_running()) return {};
    return fmt::format("is reached through {}, which has no carrier", link->name);
  }

  void add_notes() {
    if (conf_->rotate && servers_.size() > 1) path_.notes.push_back("rotate: any of the servers may be asked first.");
    if (conf_->use_tcp && search_) {
      path_.notes.push_back("use-vc: servers are asked over TCP, once each, and SERVFAIL or REFUSED is final.");
    }
    if (search_ && is_address_type(question_->type)) {
      path_.notes.push_back(conf_->no_aaaa          ? "no-aaaa: A alone is asked."
                            : conf_->single_request ? "single-request: A is asked first, then AAAA."
                                                    : "A and AAAA are asked together.");
    }
    add_final_answer_note();
    if (search_ && !names_.is_final && count_labels(canonical_dns_name(question_->name)) == 1) {
      path_.notes.push_back("A program with HOSTALIASES in its environment may ask for another name.");
    }
  }

  void add_final_answer_note() {
    if (servers_.size() < 2 || servers_.front().egress.where == Where::kTunnel) return;
    const auto is_vpn = [](const AskedServer& asked) { return asked.egress.where == Where::kTunnel; };
    const auto vpn = std::ranges::find_if(servers_, is_vpn);
    if (vpn == servers_.end()) return;
    path_.notes.push_back(
        fmt::format("If {} says that the name does not exist, that is final: {} through {} is not asked.",
                    servers_.front().server.to_string(), vpn->server.to_string(), vpn->egress.interface));
  }

  const DnsGround* ground_;
  const DnsQuestion* question_;
  bool search_;
  const ResolvConf* conf_ = nullptr;
  GlibcNames names_;
  std::vector<AskedServer> servers_;
  std::vector<DnsServer> followed_;
  DnsPath path_;
};

}  // namespace

void append_dns_path(DnsPath& path, const DnsPath& further, const std::string& only_if) {
  const bool is_first = path.asked.empty();
  for (DnsQuery query : further.asked) {
    if (!only_if.empty())
      query.only_if = query.only_if.empty() ? only_if : fmt::format("{}, and {}", only_if, query.only_if);
    path.asked.push_back(std::move(query));
  }
  if (is_first) {
    path.parallel = further.parallel;
    path.answered_by = further.answered_by;
    path.is_answered_here = further.is_answered_here && path.answered_by == further.answered_by;
    path.candidates = further.candidates;
    path.delay_if_first_is_silent = further.delay_if_first_is_silent;
  }
  const auto add = [](std::vector<std::string>& to, const std::vector<std::string>& from) {
    for (const std::string& each : from) {
      if (std::ranges::find(to, each) == to.end()) to.push_back(each);
    }
  };
  add(path.steps, further.steps);
  if (is_first) add(path.notes, further.notes);  // those of what is seldom reached would mislead
  if (path.uncertain.empty()) path.uncertain = further.uncertain;
  if (further.leaks_to || !path.leaks_to) return;
  path.leaks_to.reset();
  path.why_leaks_unknown = further.why_leaks_unknown;
}

DnsPath explain_resolv_conf(const DnsGround& ground, const DnsQuestion& question, bool search) {
  return ResolvConfPath(ground, question, search).explain();
}

DnsPath explain_resolv_conf(const Snapshot& snapshot, const DnsQuestion& question, bool search) {
  return explain_resolv_conf(DnsGround(snapshot), question, search);
}

}  // namespace vpndoctor
