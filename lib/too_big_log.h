// SPDX-License-Identifier: Apache-2.0
// Decides which "packet too big" messages are believed and remembers all of them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "probe_ledger.h"
#include "vpndoctor/path_mtu.h"

namespace vpndoctor {

class TooBigLog {
 public:
  explicit TooBigLog(Family family) : family_(family) {}

  /// Enters a message that reached a socket. Returns true when it is believed: it quotes a probe in flight, its claim
  /// is below that probe's size and not below the family's minimum (RFC 8201 section 4, RFC 8899 section 4.6.2); a
  /// claim of 0 comes from an IPv4 router older than RFC 1191 and says only "too big".
  bool enter(const Reply& reply, const SentProbe* probe);
  /// Enters a message that a capture saw on the wire.
  void enter_captured(const Reply& reply, const SentProbe* probe);

  const std::vector<TooBigMessage>& messages() const { return messages_; }
  /// Captured messages about probes of which no socket ever got one.
  std::vector<TooBigMessage> not_delivered() const;
  /// Who refused a probe of this size, be its claim believed or too large to be true; nullopt when nobody did.
  std::optional<IpAddress> sender_about(std::uint32_t probe_bytes) const;
  /// A believed message claimed exactly this MTU: its sender, else nullopt.
  std::optional<IpAddress> sender_of_claim(std::uint32_t mtu_bytes) const;

 private:
  struct Captured {
    std::uint16_t probe_id;
    TooBigMessage message;
  };
  struct Sender {
    std::uint32_t probe_bytes;
    IpAddress from;
  };
  static void add(std::vector<TooBigMessage>& messages, const TooBigMessage& message);

  Family family_;
  std::vector<TooBigMessage> messages_;
  std::vector<Captured> captured_;
  std::vector<std::uint16_t> delivered_;
  std::vector<Sender> senders_;
};

}  // namespace vpndoctor
