// SPDX-License-Identifier: Apache-2.0
// Judges tun devices, which a program holds (drivers/net/tun.c), and the kernel's own tunnels, which nobody holds.
#include <fmt/format.h>

#include "tunnel_judgement.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

/// One packet may have been handed over at the very moment of the second look.
constexpr std::uint64_t kFewestUnread = 2;

std::string packets(std::uint64_t count) { return fmt::format("{} packet{}", count, count == 1 ? "" : "s"); }

/// A persistent device keeps existing when its holder goes; its carrier goes with the last holder (tun_detach()).
TunnelJudgement judge_without_carrier(const TunnelCase& facts) {
  const std::string what = facts.link.is_up() ? "has no carrier" : "is down";
  const std::string holder = facts.holder_words();
  if (facts.has_changed_carrier()) {
    return {TunnelState::kUnknown, fmt::format("It lost its carrier while it was watched{}; who holds it now is not "
                                               "known: look again.",
                                               holder.empty() ? "" : fmt::format(", held by {} before", holder))};
  }
  if (!holder.empty()) return {TunnelState::kUnknown, fmt::format("It {} although {} holds it.", what, holder)};
  if (const std::string why = facts.why_holder_unknown(); !why.empty()) {
    return {TunnelState::kUnknown, fmt::format("It {}, and who holds it is not known: {}.", what, why)};
  }
  if (facts.link.tun_persistent == false) {
    return {TunnelState::kUnknown,
            fmt::format("It {} and no holder is visible, yet it is not persistent: somebody has it.", what)};
  }
  return {TunnelState::kOrphan, fmt::format("It is persistent, {}, and no process holds it.", what)};
}

/// What its sent counter does not show: a stopped or hanging holder leaves the packets where they are. They are counted
/// by the queueing discipline when it hands them over, and dropped only when the device's ring is full.
TunnelJudgement judge_unread(const TunnelCase& facts, const TunnelMovement& moved) {
  const std::string holder = facts.holder_words();
  const std::string who = holder.empty() ? "its holder" : holder;
  const std::uint64_t unread = moved.queued.value_or(0) > 0 ? *moved.queued : moved.dropped;
  const std::string text = fmt::format("{} {} sent into it, and {} did not read {}", packets(unread),
                                       unread == 1 ? "was" : "were", who, unread == 1 ? "it" : "them");
  if (facts.is_holder_stopped()) {
    return {TunnelState::kHung, fmt::format("{} is stopped, and {} sent into it {}.", holder, packets(unread),
                                            unread == 1 ? "waits" : "wait")};
  }
  if (unread < kFewestUnread) {
    return {TunnelState::kUnknown, fmt::format("{}: too few to tell that it does not read.", text)};
  }
  return {TunnelState::kHung, text + "."};
}

/// Of a device that is down and has a carrier, or a holder.
TunnelJudgement judge_down(const TunnelCase& facts) {
  const std::string holder = facts.holder_words();
  if (!holder.empty()) return {TunnelState::kIdle, fmt::format("{} holds it, and it is down.", holder)};
  const std::string why = facts.why_holder_unknown();
  return {TunnelState::kUnknown, fmt::format("It is down, and its carrier says that something holds it: {}.",
                                             why.empty() ? "no process that could be seen" : why)};
}

/// Nothing was read and nothing came. Whether something waits to be read tells the queueing discipline alone.
TunnelJudgement judge_still(const TunnelCase& facts, const TunnelMovement& moved) {
  const std::string holder = facts.holder_words();
  if (facts.is_holder_stopped()) {
    return {TunnelState::kUnknown,
            fmt::format("{} holds it and is stopped; nothing was sent that it could have read.", holder)};
  }
  if (!holder.empty() && !moved.queued) {
    return {TunnelState::kUnknown,
            fmt::format("{} holds it and read nothing; whether something was sent into it is not known: its queueing "
                        "discipline counts no packets, or could not be read.",
                        holder)};
  }
  if (!holder.empty()) return {TunnelState::kIdle, fmt::format("{} holds it, and nothing moves.", holder)};
  const std::string why = facts.why_holder_unknown();
  return {TunnelState::kUnknown,
          why.empty()
              ? "It has a carrier, so that something holds it, but no process that could be seen; nothing moves."
              : fmt::format("Nothing moves, and who holds it is not known: {}.", why)};
}

}  // namespace

TunnelJudgement judge_tun_device(const TunnelCase& facts) {
  if (!facts.has_carrier() && (facts.link.is_up() || facts.holder_words().empty())) return judge_without_carrier(facts);
  if (!facts.link.is_up()) return judge_down(facts);
  const auto moved = facts.movement();
  if (!moved)
    return {TunnelState::kUnknown, fmt::format("Whether packets move is not known: {}.", facts.why_no_movement())};
  if (moved->sent == 0 && moved->received == 0) {
    return moved->queued.value_or(0) > 0 || moved->dropped > 0 ? judge_unread(facts, *moved)
                                                               : judge_still(facts, *moved);
  }
  if (moved->received == 0) {
    return {
        TunnelState::kLive,
        fmt::format("Its holder reads what is sent into it ({}), and nothing came back: that its other end is there "
                    "is not shown.",
                    packets(moved->sent))};
  }
  return {TunnelState::kLive, fmt::format("{} came in and {} went out.", packets(moved->received), moved->sent)};
}

TunnelJudgement judge_kernel_tunnel(const TunnelCase& facts) {
  if (!facts.link.is_up()) return {TunnelState::kIdle, "It is down: nothing is sent into it."};
  if (!facts.has_carrier()) {
    const std::string holder = facts.holder_words();
    const std::string why = facts.why_holder_unknown();
    if (!holder.empty()) return {TunnelState::kUnknown, fmt::format("It has no carrier although {} holds it.", holder)};
    if (!why.empty())
      return {TunnelState::kUnknown, fmt::format("It has no carrier, and whose it is is not known: {}.", why)};
    return {TunnelState::kDead, "It has no carrier since its other end is gone, and no process holds it."};
  }
  const auto moved = facts.movement();
  if (!moved)
    return {TunnelState::kUnknown, fmt::format("Whether packets move is not known: {}.", facts.why_no_movement())};
  if (moved->received > 0) {
    return {TunnelState::kLive, fmt::format("{} came in and {} went out.", packets(moved->received), moved->sent)};
  }
  if (moved->sent > 0) {
    return {
        TunnelState::kUnknown,
        fmt::format("{} went out and none came in: that its other end is there is not shown.", packets(moved->sent))};
  }
  return {TunnelState::kIdle, "Nothing moves."};
}

}  // namespace vpndoctor
