// SPDX-License-Identifier: Apache-2.0
// A TCP connection whose truth is known, as a capture would see it: one side sends, the path loses packets by chance,
// for a while, or by size. A model of a sender as RFC 9293, 6298 and 2018 have it, not of any one kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "vpndoctor/captured_packet.h"
#include "vpndoctor/ip.h"

namespace vpndoctor::test {

/// One packet with the bytes that belong to it.
struct StoredPacket {
  std::chrono::system_clock::time_point at;
  std::uint32_t length_bytes = 0;
  std::vector<std::byte> bytes;

  CapturedPacket view() const;
};

struct TcpScene {
  Family family = Family::kInet;
  std::uint16_t server_port = 443;
  std::uint16_t client_port = 40000;
  std::uint32_t first_sequence = 1000;
  std::uint16_t mss = 1460;
  bool timestamps = true;
  bool sack = true;
  bool near_receiver = false;  ///< where the capture is
  bool offload = false;        ///< the capture sees merged segments
  std::uint32_t snap_bytes = 262144;
  double loss = 0;                    ///< of each packet, both ways
  double outages_per_second = 0;      ///< nothing gets through for up to 3 s
  std::uint32_t hole_bytes = 0;       ///< larger packets of the server vanish; 0: none
  bool is_signalled = false;          ///< and a router says so
  bool splits = false;                ///< the sender tries smaller packets after three timeouts
  std::vector<std::uint32_t> writes;  ///< of the server, one after the other
  double pause_seconds = 0.05;        ///< between two writes
  double seconds = 30;                ///< how long the capture runs
};

/// What happened. Times begin at 2026-01-01.
std::vector<StoredPacket> simulate_tcp(const TcpScene& scene, std::mt19937_64& random);

/// A packet of the scene's connection by hand: for the cases that the model does not make.
struct SegmentByHand {
  bool from_server = true;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgment = 0;
  const char* flags = "A";  ///< of S, A, F, R
  std::uint32_t payload_bytes = 0;
  std::uint16_t window = 500;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> sacked = {};
  double at_seconds = 0;
};
StoredPacket segment_packet(const TcpScene& scene, const SegmentByHand& segment);
/// The too-big message of a router about a segment.
StoredPacket too_big_packet(const TcpScene& scene, const SegmentByHand& segment, std::uint32_t mtu_bytes);

IpAddress scene_server(const TcpScene& scene);
IpAddress scene_client(const TcpScene& scene);

}  // namespace vpndoctor::test
