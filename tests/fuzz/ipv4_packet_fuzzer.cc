// SPDX-License-Identifier: Apache-2.0
// IPv4 packets with whatever they carry.
#include "vpndoctor/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto packet = vpndoctor::decode_ipv4_packet(std::as_bytes(std::span(data, size)));
  if (!packet) return 0;
  vpndoctor::decode_udp(packet->payload);
  vpndoctor::decode_tcp(packet->payload);
  vpndoctor::internet_checksum(packet->payload);
  const auto message = vpndoctor::decode_icmp(vpndoctor::Family::kInet, packet->payload);
  if (message) vpndoctor::decode_ip_packet(message->body);
  return 0;
}
