// SPDX-License-Identifier: Apache-2.0
// Reads a capture file through libpcap. The bytes come through a stream of our own, so that a pipe which has nothing to
// say can be interrupted, and so that a file which is no capture can be named by its first bytes.
#include "vpndoctor/capture_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "handles.h"
#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

using PcapHandle = std::unique_ptr<pcap_t, Freer<pcap_close>>;
using Stream = std::unique_ptr<FILE, Freer<std::fclose>>;

/// Where the bytes come from.
struct Source {
  int descriptor = -1;
  int interrupt_descriptor = -1;
  bool interrupted = false;
  std::string first_bytes;  ///< as many as tell one file format from another
};

constexpr std::size_t kFirstBytes = 8;

ssize_t read_source(void* cookie, char* buffer, std::size_t size) {
  auto* source = static_cast<Source*>(cookie);
  ssize_t got = 0;
  do {
    std::array<pollfd, 2> wait{
        {{source->descriptor, POLLIN, 0}, {source->interrupt_descriptor, POLLIN, 0}}};  // poll(2) skips a -1
    if (poll(wait.data(), wait.size(), -1) < 0) {
      got = -1;
      continue;
    }
    if (wait[1].revents != 0) {
      source->interrupted = true;
      return 0;
    }
    got = ::read(source->descriptor, buffer, size);
  } while (got < 0 && (errno == EINTR || errno == EAGAIN));
  if (got > 0 && source->first_bytes.size() < kFirstBytes) {
    source->first_bytes.append(buffer, std::min(static_cast<std::size_t>(got), kFirstBytes));
  }
  return got;
}

Stream open_stream(Source& source) {
  Stream stream(fopencookie(&source, "r", {.read = read_source, .write = nullptr, .seek = nullptr, .close = nullptr}));
  constexpr std::size_t kBufferBytes = 1 << 18;
  if (stream) std::setvbuf(stream.get(), nullptr, _IOFBF, kBufferBytes);
  return stream;
}

std::string shown(const std::string& path) { return path == "-" ? "the standard input" : in_quotes(path); }

/// What a file that is no capture seems to be, and what to do with it.
std::string hint_for(std::string_view first_bytes) {
  using namespace std::string_view_literals;
  constexpr auto kFormats = std::to_array<std::pair<std::string_view, std::string_view>>({
      {"\x1f\x8b"sv, "it is compressed: unpack it first (gunzip)"},
      {"\x28\xb5\x2f\xfd"sv, "it is compressed: unpack it first (unzstd)"},
      {"\xfd\x37zXZ"sv, "it is compressed: unpack it first (unxz)"},
      {"BZh"sv, "it is compressed: unpack it first (bunzip2)"},
      {"snoop\0"sv, "it is a capture of snoop: convert it with editcap -F pcap"},
      {"{"sv, "it may be a saved state: give that to --from"},
  });
  for (const auto& [magic, hint] : kFormats) {
    if (first_bytes.starts_with(magic)) return std::string(hint);
  }
  return "captures are written by tcpdump -w, tshark -w or Wireshark, as pcap or pcapng";
}

std::unexpected<Error> no_capture(const std::string& path, const Source& source, std::string_view why) {
  if (source.first_bytes.empty() && !why.contains("error reading")) {
    return failure(ErrorKind::kUsage, shown(path) + " is empty", hint_for(""));
  }
  return failure(ErrorKind::kUsage, fmt::format("{} is no capture: {}", shown(path), escape_controls(why)),
                 hint_for(source.first_bytes));
}

std::unexpected<Error> unknown_link_type(const std::string& path, int link_type) {
  const char* name = pcap_datalink_val_to_name(link_type);
  const char* description = pcap_datalink_val_to_description(link_type);
  return failure(ErrorKind::kUsage,
                 fmt::format("{} has packets of link type {} ({}), which is not read here", shown(path),
                             name == nullptr ? std::to_string(link_type) : name,
                             description == nullptr ? "no name is known" : description),
                 "capture on one interface with Ethernet or IP packets, or on any (tcpdump -i any)");
}

/// A hostile file may have any number in its time stamps; 2^33 seconds lead to the year 2242.
std::chrono::system_clock::time_point time_of(const timeval& time) {
  constexpr std::int64_t kMostSeconds = std::int64_t{1} << 33U;
  // libpcap takes a file's 32 bits as signed: what is before 1970 is after 2038.
  const std::int64_t read = time.tv_sec < 0 ? time.tv_sec & 0xffffffff : time.tv_sec;
  const auto seconds = std::clamp<std::int64_t>(read, 0, kMostSeconds);
  const auto nanoseconds = std::clamp<std::int64_t>(time.tv_usec, 0, 999'999'999);
  return std::chrono::system_clock::time_point(std::chrono::seconds(seconds) + std::chrono::nanoseconds(nanoseconds));
}

void read_packets(pcap_t* pcap, CaptureFileFacts& facts, const std::function<void(const CapturedPacket&)>& take) {
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  int outcome = 0;
  while ((outcome = pcap_next_ex(pcap, &header, &data)) == 1) {
    CapturedPacket packet;
    packet.at = time_of(header->ts);
    packet.link_type = facts.link_type;
    packet.length_bytes = header->len;
    packet.bytes = std::as_bytes(std::span(data, header->caplen));
    ++facts.packets;
    take(packet);
  }
  if (outcome == PCAP_ERROR) facts.cut_off = escape_controls(pcap_geterr(pcap));
}

}  // namespace

Result<CaptureFileFacts> read_capture_file(const std::string& path, int interrupt_descriptor,
                                           const std::function<void(const CapturedPacket&)>& take) {
  Fd file;
  if (path != "-") {
    // A FIFO is opened without waiting for its writer: poll() waits for it, and for the interrupt.
    file.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file) {
      return failure(ErrorKind::kUsage, fmt::format("cannot read {}: {}", shown(path), std::strerror(errno)),
                     "name a capture, as tcpdump -w writes it");
    }
  }
  Source source{path == "-" ? STDIN_FILENO : file.get(), interrupt_descriptor, false, {}};
  Stream stream = open_stream(source);
  std::array<char, PCAP_ERRBUF_SIZE> why{};
  PcapHandle pcap(stream
                      ? pcap_fopen_offline_with_tstamp_precision(stream.get(), PCAP_TSTAMP_PRECISION_NANO, why.data())
                      : nullptr);
  CaptureFileFacts facts;
  if (!pcap && source.interrupted) {
    facts.interrupted = true;
    return facts;
  }
  if (!pcap) return no_capture(path, source, why.data());
  [[maybe_unused]] const FILE* const closed_by_libpcap = stream.release();
  facts.link_type = pcap_datalink(pcap.get());
  facts.snap_bytes = static_cast<std::uint32_t>(std::max(pcap_snapshot(pcap.get()), 0));
  if (!is_known_link_type(facts.link_type)) return unknown_link_type(path, facts.link_type);
  read_packets(pcap.get(), facts, take);
  facts.interrupted = source.interrupted;
  if (facts.interrupted) facts.cut_off.clear();
  return facts;
}

}  // namespace vpndoctor
