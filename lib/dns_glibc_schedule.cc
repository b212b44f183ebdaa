// SPDX-License-Identifier: Apache-2.0
// glibc's order of names, servers and waits; see the header.
#include "dns_glibc_schedule.h"

#include <algorithm>

namespace vpndoctor {
namespace {

constexpr std::size_t kLongestName = 253;
constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kMostServers = 3;           // MAXNS
constexpr unsigned kMostAttempts = 5;             // RES_MAXRETRY
constexpr std::size_t kMostSearched = 64;         // glibc has no limit; a list that long is none that a person wrote
constexpr std::chrono::seconds kTcpGivesUp{127};  // net.ipv4.tcp_syn_retries = 6

bool is_label(std::string_view label) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !label.empty() && label.size() <= kLongestLabel && std::ranges::all_of(label, is_allowed);
}

/// The name below a domain of the search list; empty when it is too long to be sent.
std::string below(const std::string& name, std::string_view domain) {
  if (domain.starts_with('.')) domain.remove_prefix(1);
  if (domain.empty()) return name;
  if (name.size() + 1 + domain.size() > kLongestName) return {};
  return name + "." + std::string(domain);
}

/// One look-up that goes on.
class GlibcPlay {
 public:
  GlibcPlay(const ResolvConf& conf, const GlibcServers& servers, std::size_t rotation)
      : conf_(&conf), servers_(&servers), rotation_(rotation) {}

  GlibcRun play(const GlibcNames& names) {
    for (const std::string& name : names.first) {
      if (ask(name) == End::kAnswer || names.is_final) return std::move(run_);
    }
    bool was_root = false;  // of the search list: then the name was sent as it is
    for (const std::string& name : names.searched) {
      was_root |= std::ranges::find(names.last, name) != names.last.end();
      const End end = ask(name);
      if (end == End::kAnswer || end == End::kNobody) return std::move(run_);
      if (end == End::kGaveUp) break;
    }
    for (const std::string& name : names.last) {
      if (!was_root) ask(name);
    }
    return std::move(run_);
  }

 private:
  /// How one name ended, as __res_context_search() tells them apart.
  enum class End : std::uint8_t {
    kAnswer,
    kGoOn,    ///< HOST_NOT_FOUND, NO_DATA, or TRY_AGAIN because of a SERVFAIL
    kNobody,  ///< ECONNREFUSED: no server could be reached at all
    kGaveUp,
  };

  /// __res_context_query() with __res_context_send() in it.
  End ask(const std::string& name) {
    const std::size_t count = std::min(conf_->used_servers.size(), kMostServers);
    const std::size_t offset = conf_->rotate && count > 1 ? rotation_++ % count : 0;
    somebody_ = failed_last_ = refused_last_ = false;
    const unsigned rounds = conf_->use_tcp ? 1 : std::min(conf_->attempts, kMostAttempts);
    for (unsigned round = 0; round < rounds; ++round) {
      for (std::size_t shift = 0; shift < count; ++shift) {
        if (const auto end = send((shift + offset) % count, name)) return *end;
      }
    }
    if (conf_->use_tcp) return refused_last_ ? End::kNobody : End::kGaveUp;
    if (!somebody_) return End::kNobody;
    return failed_last_ ? End::kGoOn : End::kGaveUp;
  }

  /// Asks one server once; nullopt: the next one is to be asked.
  std::optional<End> send(std::size_t server, const std::string& name) {
    const GlibcOutcome outcome = (*servers_)(server, name);
    run_.attempts.push_back({server, name, run_.took, outcome});
    switch (outcome) {
      case GlibcOutcome::kAnswer:
        run_.answered_by = server;
        return End::kAnswer;
      case GlibcOutcome::kNoSuchName:
      case GlibcOutcome::kNoData:
        return End::kGoOn;
      case GlibcOutcome::kServerFailure:
      case GlibcOutcome::kRefused:
        return heard(server, outcome == GlibcOutcome::kServerFailure);
      case GlibcOutcome::kSilent:
        run_.took += conf_->use_tcp ? kTcpGivesUp : glibc_wait(*conf_, server);
        somebody_ = true;
        refused_last_ = false;
        return std::nullopt;
      default:
        refused_last_ = outcome == GlibcOutcome::kPortClosed;
        return std::nullopt;
    }
  }

  /// A reply that says that the server will not: over TCP, send_vc() takes it for the answer.
  std::optional<End> heard(std::size_t server, bool failed) {
    if (conf_->use_tcp) return failed ? End::kGoOn : End::kGaveUp;
    // send_dg() then waits for an answer to the AAAA question that it has not sent.
    if (conf_->single_request && !conf_->no_aaaa) run_.took += glibc_wait(*conf_, server);
    somebody_ = true;
    failed_last_ = failed;
    return std::nullopt;
  }

  const ResolvConf* conf_;
  const GlibcServers* servers_;
  std::size_t rotation_;
  GlibcRun run_;
  bool somebody_ = false;      // `gotsomewhere`
  bool failed_last_ = false;   // the last reply was SERVFAIL
  bool refused_last_ = false;  // `terrno` of TCP
};

}  // namespace

std::vector<std::string> GlibcNames::all() const {
  std::vector<std::string> names = first;
  names.insert(names.end(), searched.begin(), searched.end());
  names.insert(names.end(), last.begin(), last.end());
  return names;
}

bool is_glibc_host_name(std::string_view name) {
  if (name.empty() || name == ".") return true;
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.size() > kLongestName || name.starts_with('-')) return false;
  while (true) {
    const auto dot = name.find('.');
    if (!is_label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

GlibcNames glibc_names(const ResolvConf& conf, std::string_view typed, bool search) {
  GlibcNames names;
  const std::string name = canonical_dns_name(typed);
  const auto dots = static_cast<unsigned>(std::ranges::count(typed, '.'));
  names.is_final = name == "." || typed.ends_with('.') || !search;
  if (name.size() > kLongestName) names.why_none = "it is longer than a name may be";
  if (!names.why_none.empty()) return names;
  if (names.is_final || dots >= conf.ndots) names.first.push_back(name);
  if (names.is_final) return names;
  for (const std::string& domain : conf.used_search) {
    std::string longer = below(name, domain);
    // A query that cannot be built ends the list, as any other unrecoverable error does.
    if (longer.empty() || names.searched.size() == kMostSearched) break;
    names.searched.push_back(std::move(longer));
  }
  const bool may_be_tld = dots > 0 || names.searched.empty() || !conf.no_tld_query;
  if (names.first.empty() && may_be_tld) names.last.push_back(name);
  return names;
}

std::chrono::seconds glibc_wait(const ResolvConf& conf, std::size_t server) {
  const std::size_t count = std::clamp<std::size_t>(conf.used_servers.size(), 1, kMostServers);
  std::uint64_t seconds = std::uint64_t{conf.timeout_seconds} << std::min(server, kMostServers);
  if (server > 0) seconds /= count;
  return std::chrono::seconds(std::max<std::uint64_t>(seconds, 1));
}

GlibcRun play_glibc(const ResolvConf& conf, const GlibcNames& names, const GlibcServers& servers,
                    std::size_t rotation) {
  return GlibcPlay(conf, servers, rotation).play(names);
}

}  // namespace vpndoctor
