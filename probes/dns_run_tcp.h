// SPDX-License-Identifier: Apache-2.0
// A question over TCP (RFC 7766): one connection, two bytes of length before each message.
#pragma once

#include <vector>

#include "dns_run.h"

namespace vpndoctor {

class DnsTcpRun : public DnsRun {
 public:
  using DnsRun::DnsRun;
  void start(TimePoint now) override;
  void step(TimePoint now) override;
  pollfd wanted() const override;

 private:
  void finish_connect();
  void write_pending();
  void read_available();
  void judge_reply(TimePoint now);
  /// Ends with what errno says.
  void fail(int error);

  bool is_open_ = false;
  TimePoint started_at_;
  std::vector<std::byte> pending_;
  std::vector<std::byte> received_;
  bool hung_up_ = false;
};

}  // namespace vpndoctor
