// SPDX-License-Identifier: Apache-2.0
// The rules of RFC 8201 and RFC 8899 by which a too-big message is believed, and the merging of those that are alike.
#include "too_big_log.h"

#include <fmt/format.h>

#include <algorithm>

namespace vpndoctor {
namespace {

constexpr std::size_t kMostKinds = 64;  ///< distinct messages kept; a flood of forged ones is counted, not stored
constexpr std::size_t kMostCaptured = 4096;

std::string objection(const Reply& reply, const SentProbe* probe, Family family) {
  if (probe == nullptr) return "quotes no packet of this search";
  if (probe->outcome == Outcome::kReached) return "the packet it quotes had been answered by the target";
  if (reply.mtu_bytes == 0 && family == Family::kInet) return "";
  if (reply.mtu_bytes < minimum_mtu_bytes(family)) {
    return fmt::format("claims less than the {} bytes that every link carries", minimum_mtu_bytes(family));
  }
  if (reply.mtu_bytes >= probe->probe.size_bytes) {
    return fmt::format("claims no less than the {} bytes of the packet it refuses", probe->probe.size_bytes);
  }
  return "";
}

bool alike(const TooBigMessage& a, const TooBigMessage& b) {
  return a.from == b.from && a.mtu_bytes == b.mtu_bytes && a.accepted == b.accepted &&
         (a.accepted || a.probe_bytes.has_value() == b.probe_bytes.has_value());
}

}  // namespace

void TooBigLog::add(std::vector<TooBigMessage>& messages, const TooBigMessage& message) {
  for (TooBigMessage& known : messages) {
    if (!alike(known, message)) continue;
    ++known.count;
    if (message.probe_bytes && message.probe_bytes < known.probe_bytes) {
      known.probe_bytes = message.probe_bytes;
      known.reason = message.reason;
    }
    return;
  }
  if (messages.size() < kMostKinds) messages.push_back(message);
}

bool TooBigLog::enter(const Reply& reply, const SentProbe* probe) {
  TooBigMessage message{reply.from, reply.mtu_bytes, std::nullopt, false, objection(reply, probe, family_)};
  message.accepted = message.reason.empty();
  if (probe != nullptr) message.probe_bytes = probe->probe.size_bytes;
  if (message.accepted && reply.mtu_bytes == 0) message.reason = "gives no MTU (a router older than RFC 1191)";
  add(messages_, message);
  if (probe != nullptr) {
    delivered_.push_back(probe->probe.id);
    const bool refuses = message.accepted || reply.mtu_bytes >= probe->probe.size_bytes;
    if (refuses) senders_.push_back({probe->probe.size_bytes, reply.from});
  }
  return message.accepted;
}

void TooBigLog::enter_captured(const Reply& reply, const SentProbe* probe) {
  if (probe == nullptr || captured_.size() >= kMostCaptured) return;
  TooBigMessage message{reply.from, reply.mtu_bytes, probe->probe.size_bytes, false,
                        "never reached a socket of this machine"};
  captured_.push_back({probe->probe.id, message});
}

std::vector<TooBigMessage> TooBigLog::not_delivered() const {
  std::vector<TooBigMessage> eaten;
  for (const Captured& captured : captured_) {
    if (std::find(delivered_.begin(), delivered_.end(), captured.probe_id) == delivered_.end()) {
      add(eaten, captured.message);
    }
  }
  return eaten;
}

std::optional<IpAddress> TooBigLog::sender_about(std::uint32_t probe_bytes) const {
  for (const Sender& sender : senders_) {
    if (sender.probe_bytes == probe_bytes) return sender.from;
  }
  return std::nullopt;
}

std::optional<IpAddress> TooBigLog::sender_of_claim(std::uint32_t mtu_bytes) const {
  for (const TooBigMessage& message : messages_) {
    if (message.accepted && message.mtu_bytes == mtu_bytes) return message.from;
  }
  return std::nullopt;
}

}  // namespace vpndoctor
