// SPDX-License-Identifier: Apache-2.0
// A question over UDP, sent again when it stays unanswered. The socket is not connected: also a reply from an address
// that was not asked is seen, and said.
#pragma once

#include <string>
#include <vector>

#include "dns_run.h"

namespace vpndoctor {

class DnsUdpRun : public DnsRun {
 public:
  using DnsRun::DnsRun;
  void start(TimePoint now) override;
  void step(TimePoint now) override;

 private:
  /// One time that the question was sent.
  struct Try {
    std::uint16_t id = 0;
    TimePoint sent_at;
    std::string first_content;  ///< of the first reply to it; empty: none yet
  };

  void send(TimePoint now);
  void take(const ReceivedDatagram& datagram, TimePoint now);
  void take_reply(const DnsMessage& reply, const ReceivedDatagram& datagram, TimePoint now);
  void note_other(const DnsMessage& reply, const ReceivedDatagram& datagram, Milliseconds after);
  void expire(TimePoint now);

  std::vector<Try> sent_;
  std::string refusal_;    ///< an ICMP message that came in the place of an answer
  std::string malformed_;  ///< what came that is no answer
};

}  // namespace vpndoctor
