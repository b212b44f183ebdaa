// SPDX-License-Identifier: Apache-2.0
// The way of a libc program: numeric names, nscd, then the services of nsswitch.conf with their actions, as
// get_nss_addresses() of glibc 2.36 (sysdeps/posix/getaddrinfo.c) walks them: for A with AF_UNSPEC, as most programs
// do, for AAAA with AF_INET6. What a service that sends something will say is not known here; what comes after it is
// asked on a condition.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "dns_glibc_schedule.h"
#include "dns_nss.h"
#include "dns_paths.h"

namespace vpndoctor {
namespace {

/// One part of an address as inet_aton() reads it: "10", "010" (octal), "0x0a".
std::optional<std::uint64_t> inet_aton_part(std::string_view part) {
  int base = 10;
  if (part.starts_with("0x") || part.starts_with("0X")) {
    base = 16;
    part.remove_prefix(2);
  } else if (part.starts_with('0')) {
    base = 8;
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value, base);
  if (error != std::errc() || end != part.data() + part.size()) return std::nullopt;
  return value;
}

/// True for what __inet_aton_exact() takes for an IPv4 address: one to four parts, of which the last fills the rest.
bool is_inet_aton(std::string_view name) {
  constexpr std::uint64_t kWhole = 0xffffffff;
  for (unsigned parts = 0; parts < 4; ++parts) {
    const auto dot = name.find('.');
    const auto value = inet_aton_part(name.substr(0, dot));
    if (dot == std::string_view::npos) return value && *value <= kWhole >> (8 * parts);
    if (!value || *value > 0xff) return false;
    name.remove_prefix(dot + 1);
  }
  return false;
}

bool is_numeric(std::string_view name) {
  if (name.find(':') == std::string_view::npos) return is_inet_aton(name);
  return IpAddress::parse(name.substr(0, name.find('%'))).has_value();
}

/// Joins phrases as conditions that must all hold.
std::string both(const std::string& first, const std::string& second) {
  if (first.empty() || second.empty()) return first + second;
  return fmt::format("{}, and {}", first, second);
}

/// The walk along the hosts line.
class LibcPath {
 public:
  LibcPath(const DnsGround& ground, const DnsQuestion& question) : ground_(&ground), question_(&question) {
    path_.caller = question.caller;
  }

  DnsPath explain() && {
    const std::uint16_t type = question_->type;
    const auto reverse = address_of_reverse_name(canonical_dns_name(question_->name));
    const bool is_reverse = type == kDnsTypePtr && reverse;
    if (type != kDnsTypeA && type != kDnsTypeAaaa && !is_reverse) return without_services();
    if (!is_reverse && is_numeric(question_->name)) {
      path_.steps.push_back("It is an address: getaddrinfo() looks nothing up.");
      path_.is_answered_here = true;
      return std::move(path_);
    }
    pass_cache();
    const std::vector<NssService>& line = services();
    for (const NssService& service : line) {
      if (!walk(service, reverse, &service == &line.back())) break;
    }
    return std::move(path_);
  }

 private:
  /// Other types have no function in NSS: a program asks for them with res_search().
  DnsPath without_services() {
    path_.steps.push_back(
        "getaddrinfo() asks for addresses alone: for this type a program calls res_search(), which "
        "reads resolv.conf and not nsswitch.conf.");
    append_dns_path(path_, explain_resolv_conf(*ground_, *question_, true), {});
    if (!path_.asked.empty()) path_.answered_by = "dns";
    return std::move(path_);
  }

  void pass_cache() {
    const Observed<NameServiceCache>& cache = ground_->snapshot.dns.name_service_cache;
    if (!cache || !cache->runs || !cache->caches_hosts) return;
    path_.steps.push_back("nscd: it answers from its cache, or asks the services itself.");
    path_.notes.push_back("nscd runs: an answer may be as old as its cache.");
  }

  const std::vector<NssService>& services() {
    const Observed<NameServiceSwitch>& known = ground_->snapshot.dns.name_service_switch;
    if (!known) {
      for (const char* name : {"files", "dns"}) assumed_.emplace_back().name = name;
      path_.uncertain = fmt::format("nsswitch.conf is not known, \"files dns\" is assumed: {}", known.why_missing());
      return assumed_;
    }
    if (known->hosts.empty())
      path_.steps.push_back("The hosts line of nsswitch.conf is empty: glibc has nobody to ask.");
    return known->hosts;
  }

  /// Asks one service; false: the walk is over.
  bool walk(const NssService& service, const std::optional<IpAddress>& reverse, bool is_last) {
    NssView view = view_of_service({ground_, question_, reverse}, service);
    path_.steps.push_back(fmt::format("{}: {}", service.name, view.step));
    if (path_.uncertain.empty()) path_.uncertain = view.uncertain;
    const bool was_silent = path_.asked.empty();
    // An answer that the walk goes on after is lost: what comes later decides.
    const bool is_kept = (service.return_on_success && !service.merge_on_success) || is_last;
    const bool may_answer = view.may_be[kNssSuccess] && is_kept && (view.is_local || is_sending(view));
    if (view.asks) {
      const std::string answered_by = path_.answered_by;
      const bool is_answered_here = path_.is_answered_here;
      append_dns_path(path_, *view.asks, condition_);
      path_.answered_by = answered_by;
      path_.is_answered_here = is_answered_here;
    }
    if (may_answer && path_.answered_by.empty()) {
      path_.answered_by = service.name;
      path_.is_answered_here = view.is_local && was_silent;
    }
    return goes_on(service, view);
  }

  static bool is_sending(const NssView& view) { return view.asks && !view.asks->asked.empty(); }

  bool goes_on(const NssService& service, const NssView& view) {
    const std::array<bool, kNssStatuses> returns = {service.return_on_success && !service.merge_on_success,
                                                    service.return_on_not_found, service.return_on_unavailable,
                                                    service.return_on_try_again};
    std::vector<std::string> goes_on_when;
    bool may_return = false;
    bool returns_without_answer = false;
    for (std::size_t status = 0; status < kNssStatuses; ++status) {
      if (!view.may_be[status]) continue;
      may_return |= returns[status];
      returns_without_answer |= returns[status] && status != kNssSuccess;
      if (!returns[status]) goes_on_when.push_back(fmt::format("{} {}", service.name, nss_status_words(status)));
    }
    if (goes_on_when.empty()) {
      if (returns_without_answer) path_.steps.push_back(fmt::format("What {} says is final.", service.name));
      return false;
    }
    if (may_return) condition_ = both(condition_, fmt::format("{}", fmt::join(goes_on_when, " or ")));
    return true;
  }

  const DnsGround* ground_;
  const DnsQuestion* question_;
  std::vector<NssService> assumed_;
  std::string condition_;  // under which the next service is asked; empty: in any case
  DnsPath path_;
};

}  // namespace

DnsPath explain_libc(const DnsGround& ground, const DnsQuestion& question) {
  return LibcPath(ground, question).explain();
}

}  // namespace vpndoctor
