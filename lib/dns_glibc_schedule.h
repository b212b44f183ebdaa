// SPDX-License-Identifier: Apache-2.0
// In which order glibc sends which names to which servers, and how long it waits for each, as resolv/res_query.c and
// res_send.c of glibc 2.36 do. What servers answer is the caller's to say: explanations ask "what if", tests know it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/dns_configuration.h"

namespace vpndoctor {

/// The names that one look-up may send, canonical, by the moment at which they are tried.
struct GlibcNames {
  std::vector<std::string> first;     ///< the name as it is, before the search list: one or none
  std::vector<std::string> searched;  ///< with each domain of the search list
  std::vector<std::string> last;      ///< the name as it is, unless the root was searched already: one or none
  bool is_final = false;              ///< the dot at the end: nothing but `first` is tried
  std::string why_none;               ///< nothing is sent at all: "it is no host name"; empty: something is

  std::vector<std::string> all() const;  ///< in order
};

/// Works out the names, __res_context_search(). `typed` as the program gave it; without `search` it is sent as it is.
GlibcNames glibc_names(const ResolvConf& conf, std::string_view typed, bool search);

/// True when nss_dns sends the name at all: res_hnok(), the characters of host names.
bool is_glibc_host_name(std::string_view name);

/// What a server makes of a name.
enum class GlibcOutcome : std::uint8_t {
  kAnswer,
  kNoSuchName,     ///< NXDOMAIN
  kNoData,         ///< no records, from a server that may say so
  kServerFailure,  ///< SERVFAIL
  kRefused,        ///< REFUSED or NOTIMP
  kSilent,
  kPortClosed,  ///< an ICMP message or a reset says that nobody listens
  kNoRoute,     ///< connect() fails
};

struct GlibcAttempt {
  std::size_t server = 0;  ///< index into ResolvConf::used_servers
  std::string name;
  std::chrono::milliseconds at{0};  ///< since the beginning; only waits count
  GlibcOutcome outcome = GlibcOutcome::kAnswer;
};

/// One look-up from its first query to its end.
struct GlibcRun {
  std::vector<GlibcAttempt> attempts;
  std::optional<std::size_t> answered_by;  ///< index of the server; null: nobody had an answer
  std::chrono::milliseconds took{0};       ///< only waits count
};

using GlibcServers = std::function<GlibcOutcome(std::size_t server, const std::string& name)>;

/// Plays a look-up through, __res_context_search() and __res_context_send(). `rotation`: the server that `rotate`
/// begins with, which is random in reality; it moves on by one with each name.
GlibcRun play_glibc(const ResolvConf& conf, const GlibcNames& names, const GlibcServers& servers,
                    std::size_t rotation = 0);

/// How long one try of a server may take: the timeout, doubled for each place in the list, and divided by their number
/// from the second on; send_dg().
std::chrono::seconds glibc_wait(const ResolvConf& conf, std::size_t server);

}  // namespace vpndoctor
