// SPDX-License-Identifier: Apache-2.0
// What the kernel itself answers for a flow (RTM_GETROUTE), asked twice: for the path that results, and for the
// configured route that it comes from. And the comparison with an answer of ours.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "netlink_batch.h"
#include "vpndoctor/fib.h"
#include "vpndoctor/flow.h"
#include "vpndoctor/prefix.h"

namespace vpndoctor::fib_test {

struct KernelAnswer {
  // The path that results.
  int error_number = 0;  ///< 0: there is one
  std::uint8_t type = 0;
  std::string interface;
  std::optional<IpAddress> gateway;
  std::optional<IpAddress> source;  ///< chosen by the kernel; null when the flow had one, or none was found
  std::uint32_t table = 0;

  // The route behind it (RTM_F_FIB_MATCH).
  int match_error_number = 0;  ///< not 0: there is none
  IpPrefix match;
  std::uint32_t match_table = 0;
  std::uint32_t match_metric = 0;
  std::uint8_t match_tos = 0;
};

/// Asks the kernel of the socket's namespace about all flows.
std::vector<KernelAnswer> ask_kernel(RouteSocket& socket, std::span<const Flow> flows);

/// Returns what differs, in words; empty when the answers agree. An answer that depends on something agrees when its
/// candidates hold the kernel's way.
std::string difference(const Flow& flow, const KernelAnswer& kernel, const FlowAnswer& ours, const RouteTable& routes);

/// Both answers in words, for a report.
std::string answer_words(const KernelAnswer& kernel);
std::string answer_words(const FlowAnswer& ours);

}  // namespace vpndoctor::fib_test
