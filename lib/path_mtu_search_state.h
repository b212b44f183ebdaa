// SPDX-License-Identifier: Apache-2.0
// The state behind PathMtuSearch, shared by the file that decides what to send and the one that says what was found.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "forward_check.h"
#include "hop_sweep.h"
#include "pacer.h"
#include "probe_ledger.h"
#include "reply_check.h"
#include "size_search.h"
#include "too_big_log.h"
#include "vpndoctor/path_mtu_search.h"

namespace vpndoctor {

struct PathMtuSearch::Impl {
  Impl(const PathMtuSearchOptions& options, TimePoint now);

  std::optional<Probe> next(TimePoint now);
  void on_reply(const Reply& reply, TimePoint now);
  void on_send_failure(const Probe& probe, SendFailure failure, TimePoint now);
  TimePoint wake_at(TimePoint now) const;
  void describe(PathMtuMeasurement& measurement) const;
  bool direction_is_known() const;

  PathMtuSearchOptions options;
  ProbeLedger ledger;
  std::optional<SizeSearch> sizes;  ///< once the target answered
  std::optional<ReplyFragments> fragments;
  std::uint64_t replies_received = 0;
  bool finished = false;
  bool interrupted = false;

  bool wants_echo() const;
  bool wants_udp() const;
  bool asks_by_udp() const;
  std::optional<Probe> contact(TimePoint now);
  void choose_method(TimePoint now);
  void begin(Method method);
  bool edge_is_signalled(std::uint32_t edge) const;
  void follow_edge();
  std::ptrdiff_t large_echoes() const;
  std::optional<Probe> choose(TimePoint now);
  void settle_unsent(const Probe& probe, Reply::Kind kind, TimePoint now);
  std::optional<double> large_control_loss(std::size_t samples) const;
  void watch_congestion();
  bool is_over(TimePoint now);
  TimePoint verdict_grace() const;

  void describe_bounds(PathMtuMeasurement& measurement) const;
  void describe_reverse(PathMtuMeasurement& measurement) const;
  void describe_hops(PathMtuMeasurement& measurement) const;
  void describe_sizes(PathMtuMeasurement& measurement) const;
  void describe_probing(Probing& probing) const;
  bool edge_is_forward(std::uint32_t edge) const;
  std::optional<SizeBounds> way_back() const;
  std::optional<Constriction> constriction(const SizeBounds& forward_bounds) const;

  TimePoint start;
  Pacer pacer;
  TooBigLog too_big;
  std::optional<HopSweep> hops;
  ForwardCheck forward;
  ReplyCheck replies;

  std::size_t contacts = 0;  ///< attempts at first contact made so far
  std::deque<Want> first_contact;
  std::uint8_t estimated_hops = 8;
  std::vector<std::uint32_t> early_claims;
  std::optional<std::uint32_t> followed_edge;  ///< of the round trip
  std::optional<std::uint32_t> located_edge;   ///< what the hops were asked about
  std::uint64_t followed_version = 0;
  std::optional<Probe> unsent;  ///< the socket was full: again soon
  TimePoint retry_at{};
  TimePoint grace_until{};
  std::uint64_t bytes_sent = 0;
  std::map<IpAddress, std::uint8_t> unreachable;  ///< who refused, with the ICMP code
  int refused_too_large = 0;
  int refused_blocked = 0;
  int refused_no_route = 0;
  bool out_of_time = false;

  std::optional<double> loss_at_full_pace;  ///< heavy; the pace was slowed for it
  std::size_t slow_since = 0;               ///< index in the ledger
  bool pace_is_settled = false;
};

}  // namespace vpndoctor
