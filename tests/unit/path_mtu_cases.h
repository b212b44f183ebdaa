// SPDX-License-Identifier: Apache-2.0
// Measurements that the diagnosis tests start from: a healthy path of three routers, and edits of it.
#pragma once

#include <algorithm>
#include <string_view>

#include "vpndoctor/path_mtu.h"
#include "vpndoctor/path_mtu_diagnosis.h"

namespace vpndoctor::path_mtu_cases {

inline IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

inline const IpAddress kRouter1 = address("192.0.2.1");
inline const IpAddress kRouter2 = address("192.0.2.9");
inline const IpAddress kRouter3 = address("192.0.2.17");

/// Full-size packets pass both ways over a link of `link_bytes`; nothing else was measured.
inline PathMtuMeasurement clear_path(std::uint32_t link_bytes = 1500) {
  PathMtuMeasurement measurement;
  measurement.target.host = "example.org";
  measurement.target.address = address("198.51.100.2");
  measurement.egress.interface = "eth0";
  measurement.egress.source = address("192.0.2.2");
  measurement.egress.gateway = kRouter1;
  measurement.egress.link_mtu_bytes = link_bytes;
  measurement.min_bytes = 68;
  measurement.max_bytes = link_bytes;
  measurement.answered = true;
  measurement.round_trip = {link_bytes, std::nullopt};
  measurement.forward = {link_bytes, std::nullopt};
  measurement.hops = {{.ttl = 1, .address = kRouter1, .rtt = {}, .largest_bytes = link_bytes, .reported_mtu_bytes = {}},
                      {.ttl = 2, .address = kRouter2, .rtt = {}, .largest_bytes = link_bytes, .reported_mtu_bytes = {}},
                      {.ttl = 3, .address = kRouter3, .rtt = {}, .largest_bytes = link_bytes, .reported_mtu_bytes = {}},
                      {.ttl = 4,
                       .address = measurement.target.address,
                       .rtt = {},
                       .largest_bytes = link_bytes,
                       .reported_mtu_bytes = {}}};
  return measurement;
}

/// Sizes above `path_bytes` are lost on the way there behind router 2, proven by TTL-limited probes.
inline PathMtuMeasurement narrow_path(std::uint32_t path_bytes) {
  PathMtuMeasurement measurement = clear_path();
  measurement.round_trip = measurement.forward = {path_bytes, path_bytes};
  measurement.false_claim_probability = 1e-9;
  measurement.sizes = {{path_bytes, 5, 5}, {path_bytes + 1, 5, 0}};
  measurement.hops[2].largest_bytes = measurement.hops[3].largest_bytes = path_bytes;
  measurement.constriction = {.from_ttl = 2, .from_address = kRouter2, .to_ttl = 3, .to_address = kRouter3};
  return measurement;
}

inline TooBigMessage too_big(const IpAddress& from, std::uint32_t mtu_bytes, std::uint32_t probe_bytes) {
  const bool accepted = mtu_bytes >= 68 && mtu_bytes < probe_bytes;
  return {from, mtu_bytes, probe_bytes, accepted, accepted ? "" : "not below the probe's size or below the minimum", 1};
}

inline const Finding* finding_of(const PathMtuDiagnosis& diagnosis, std::string_view code) {
  const auto found = std::ranges::find(diagnosis.findings, code, &Finding::code);
  return found == diagnosis.findings.end() ? nullptr : &*found;
}

}  // namespace vpndoctor::path_mtu_cases
