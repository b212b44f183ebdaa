// SPDX-License-Identifier: Apache-2.0
// One live measurement from a host's name to the facts: resolve, look up the way out, probe, and the same for the
// tunnel's own path when asked. Obtains facts; diagnose_path_mtu() judges them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "vpndoctor/path_mtu.h"
#include "vpndoctor/result.h"
#include "vpndoctor/tunnel_endpoint.h"

namespace [[gnu::visibility("default")]] vpndoctor {

struct PathMtuRequest {
  std::string host;                                  ///< name or literal, as the user wrote it
  std::optional<Family> family;                      ///< null: the first address that the resolver gives
  std::string interface;                             ///< empty: as the routing table says
  std::optional<IpAddress> source;                   ///< null: as the kernel chooses
  std::optional<std::uint32_t> mark;                 ///< firewall mark of the probes
  std::optional<std::uint32_t> min_bytes;            ///< null: the smallest control
  std::optional<std::uint32_t> max_bytes;            ///< null: the device MTU
  std::optional<std::uint16_t> port;                 ///< TCP port to examine; null: 443 as far as it answers
  std::optional<Method> method;                      ///< null: the best that privileges and answers allow
  std::uint32_t rate_bytes = 32 * 1024;              ///< sent in a round trip, at most
  bool gentle = false;                               ///< at most 11 sizes at a time
  Milliseconds deadline{30000};                      ///< for everything together, the resolver included
  bool outer = false;                                ///< also measure the path of the tunnel's own packets
  std::optional<TunnelEndpoint> endpoint;            ///< of the tunnel; null: it is looked up
  int interrupt_descriptor = -1;                     ///< readable once the user wants to stop; -1: never
  std::function<void(const std::string&)> progress;  ///< told what is going on; may be empty
};

struct PathMtuRun {
  PathMtuMeasurement inner;
  std::optional<PathMtuMeasurement> outer;  ///< with `outer`, unless the user stopped before
};

/// Measures. Whatever can be refused is refused before the first probe is sent: kUsage for what contradicts itself or
/// this machine (no such interface, a broadcast target, `outer` without a tunnel), kUnknownHost, kNoRoute, kPermission.
Result<PathMtuRun> run_path_mtu(const PathMtuRequest& request);

}  // namespace vpndoctor
