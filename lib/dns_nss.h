// SPDX-License-Identifier: Apache-2.0
// What single NSS services make of a name: files, resolve, myhostname, mdns*, dns. The walk along them is
// dns_explain_libc.cc's.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "dns_ground.h"
#include "vpndoctor/dns_explain.h"

namespace vpndoctor {

/// enum nss_status, those that nsswitch.conf has actions for.
enum NssStatusIndex : std::size_t { kNssSuccess, kNssNotFound, kNssUnavailable, kNssTryAgain, kNssStatuses };
/// "finds nothing", "is not there", ... for a condition.
const char* nss_status_words(std::size_t status);

/// What a service is asked, and for whom.
struct NssCall {
  const DnsGround* ground;
  const DnsQuestion* question;
  std::optional<IpAddress> reverse;  ///< the address whose name is wanted; null: the addresses of a name are
};

/// What comes of it.
struct NssView {
  std::array<bool, kNssStatuses> may_be{};  ///< by NssStatusIndex
  bool is_local = false;                    ///< its success needs no packet
  std::string step;                         ///< a sentence
  std::optional<DnsPath> asks;              ///< what it sends; null: nothing
  std::string uncertain;                    ///< a phrase; empty: certain
};

NssView view_of_service(const NssCall& call, const NssService& service);

}  // namespace vpndoctor
