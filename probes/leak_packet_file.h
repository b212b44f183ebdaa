// SPDX-License-Identifier: Apache-2.0
// The file that leaking packets are kept in: pcapng, or pcap where its name ends so. It takes its place when it is
// whole; what could not be written is said.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "atomic_file.h"
#include "vpndoctor/captured_packet.h"

namespace vpndoctor {

class LeakPacketFile {
 public:
  /// Opens beside `path`; the errors of AtomicFile.
  static Result<LeakPacketFile> create(const std::string& path, std::uint32_t snap_bytes);

  /// Keeps a packet, unless the file is as large as it may be, or pcap, which holds but one link type.
  void write(const CapturedPacket& packet, std::string_view comment);
  /// Puts the file in its place.
  std::optional<Error> commit();
  /// Packets that are not in it.
  std::uint64_t left_out() const { return left_out_; }

 private:
  static constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30U;

  LeakPacketFile(AtomicFile file, bool is_pcapng, std::uint32_t snap_bytes)
      : file_(std::move(file)), is_pcapng_(is_pcapng), snap_bytes_(snap_bytes) {}
  std::string pcapng_bytes(const CapturedPacket& packet, std::string_view comment);
  std::string pcap_bytes(const CapturedPacket& packet);

  AtomicFile file_;
  bool is_pcapng_ = true;
  std::uint32_t snap_bytes_ = 0;
  std::map<std::pair<std::string, int>, std::uint32_t> interfaces_;  ///< of pcapng, by name and link type
  int link_type_ = -1;                                               ///< of pcap; -1: no packet yet
  std::string buffer_;
  std::uint64_t bytes_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace vpndoctor
