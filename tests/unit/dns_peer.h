// SPDX-License-Identifier: Apache-2.0
// A DNS server that does as a test says, in a process and, if wanted, a network namespace of its own. Its replies are
// bytes: also such as no honest server sends.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "vpndoctor/dns_server.h"

namespace vpndoctor::testing_support {

using DnsBytes = std::vector<std::byte>;

/// One reply, sent `after` the one before it.
struct DnsPeerReply {
  DnsBytes bytes;
  std::chrono::milliseconds after{0};
  std::string from;  ///< another address of the namespace to send from (UDP); empty: the one that was asked
};

struct DnsPeerOptions {
  pid_t in_namespace_of = -1;  ///< a process; -1: the caller's
  bool tcp = true;
};

/// Answers each question with what `behaviour` returns: called in the peer's process with the question and how many
/// came before it. TCP gets the first reply only; none closes the connection.
class DnsPeer {
 public:
  using Behaviour = std::function<std::vector<DnsPeerReply>(const DnsBytes& question, std::size_t before)>;
  /// Listens when the constructor returns.
  DnsPeer(const std::string& server, Behaviour behaviour, DnsPeerOptions options = {});
  ~DnsPeer();
  DnsPeer(const DnsPeer&) = delete;
  DnsPeer& operator=(const DnsPeer&) = delete;

 private:
  pid_t pid_ = -1;
};

/// The question turned into a reply with one A record for each of `addresses`.
DnsBytes reply_with_addresses(const DnsBytes& question, const std::vector<std::string>& addresses);
/// The question turned into a reply that has only a response code and perhaps the truncation bit.
DnsBytes reply_with_code(const DnsBytes& question, unsigned rcode, bool truncated = false);

}  // namespace vpndoctor::testing_support
