// SPDX-License-Identifier: Apache-2.0
// What the two unprivileged channels share: a connected datagram socket whose ICMP errors the kernel hands out through
// the error queue. A too-big message for such a socket stays in the kernel's path MTU cache.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "channel_receiver.h"
#include "channel_socket.h"
#include "vpndoctor/probe_channel.h"
#include "vpndoctor/probe_match.h"

namespace vpndoctor {

class ErrorQueueChannel : public ProbeChannel {
 public:
  ErrorQueueChannel(Fd fd, const ProbeFlow& flow) : fd_(std::move(fd)), matcher_(flow) {}

  std::expected<void, SendFailure> send(const Probe& probe) override;
  std::vector<int> descriptors() const override { return {fd_.get()}; }
  void receive(std::vector<Reply>& replies) override;
  std::uint64_t ignored() const override { return ignored_; }

 protected:
  /// The one method that this channel sends with.
  virtual Method method() const = 0;
  /// Returns what of the encoded transport header and payload the socket takes.
  virtual std::span<const std::byte> socket_payload(std::span<const std::byte> transport) const = 0;
  /// Recognises an ordinary packet from the socket.
  virtual std::optional<Reply> match_answer(const Arrival& arrival) = 0;

  ProbeMatcher& matcher() { return matcher_; }
  const ProbeMatcher& matcher() const { return matcher_; }

 private:
  int send_once(std::span<const std::byte> payload, std::uint8_t ttl);
  std::optional<Reply> match_error(const Arrival& arrival);
  void note(const std::optional<Reply>& reply, std::vector<Reply>& replies);

  Fd fd_;
  ProbeMatcher matcher_;
  Receiver receiver_;
  std::uint64_t ignored_ = 0;
};

/// Sets what both sockets need: DF on every packet whatever the cache says, the error queue, the TTL of answers.
Result<void> set_error_queue_options(const Fd& fd, Family family);
/// Connects to the target and returns the port (the echo id of a ping socket) that the kernel gave the socket.
Result<std::uint16_t> connect_to_target(const Fd& fd, const ChannelOptions& options, std::uint16_t port);

}  // namespace vpndoctor
