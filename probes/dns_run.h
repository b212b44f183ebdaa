// SPDX-License-Identifier: Apache-2.0
// One question on its way, over UDP or TCP: a small state machine on a socket that never blocks. Takes all time from
// its caller.
#pragma once

#include <poll.h>

#include <map>
#include <memory>
#include <vector>

#include "dns_socket.h"
#include "vpndoctor/dns_prober.h"
#include "vpndoctor/probe.h"

namespace vpndoctor {

class DnsRun {
 public:
  DnsRun(const DnsAsk& ask, const DnsProbing& probing);
  virtual ~DnsRun() = default;
  DnsRun(const DnsRun&) = delete;
  DnsRun& operator=(const DnsRun&) = delete;

  /// Sends the question for the first time.
  virtual void start(TimePoint now) = 0;
  /// Takes what has come, and does what is due.
  virtual void step(TimePoint now) = 0;
  /// What to wait for: a descriptor and its events.
  virtual pollfd wanted() const { return {socket_.fd.get(), POLLIN, 0}; }
  TimePoint wake_at() const { return wake_at_; }
  bool done() const { return done_; }
  /// The exchange; kNotAsked when it was not over.
  const DnsExchange& exchange() const { return exchange_; }

 protected:
  /// Opens and binds the socket; false when that failed, which ends the run.
  bool open(int socket_type);
  /// A new question with an id of its own; empty when the name is none, which ends the run.
  std::vector<std::byte> next_question();
  void fill(const DnsMessage& reply, std::size_t bytes, Milliseconds rtt);
  void end(DnsOutcome outcome, std::string reason = {});

  DnsAsk ask_;
  Milliseconds timeout_;
  unsigned tries_;
  Milliseconds duplicate_wait_;
  DnsSocket socket_;
  DnsQuestionMessage question_;
  DnsExchange exchange_;
  TimePoint wake_at_;

 private:
  bool done_ = false;
};

/// Makes the run of a question.
std::unique_ptr<DnsRun> make_dns_run(const DnsAsk& ask, const DnsProbing& probing);

}  // namespace vpndoctor
