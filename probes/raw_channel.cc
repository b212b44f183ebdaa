// SPDX-License-Identifier: Apache-2.0
// Probes over raw sockets, with a capture beside them: sees everything that can be seen and leaves the kernel's path
// MTU cache alone, an IPv6 echo that is too big for a router excepted.
#include <cerrno>
#include <random>

#include "capture.h"
#include "raw_sockets.h"
#include "vpndoctor/probe_channel.h"
#include "vpndoctor/probe_match.h"

namespace vpndoctor {
namespace {

class RawChannel final : public ProbeChannel {
 public:
  RawChannel(const ChannelOptions& options, RawSockets sockets, const ProbeFlow& flow)
      : sockets_(std::move(sockets)),
        matcher_(flow),
        destination_(to_socket_address(options.target, 0, options.scope_interface_index)),
        capture_(Capture::open(options, flow)) {}

  CarrierAbilities abilities() const override {
    return {.echo = true, .udp = true, .ttl_limited = true, .fragments = capture_ != nullptr, .harmless = true};
  }
  std::string privilege() const override { return "raw"; }
  std::expected<void, SendFailure> send(const Probe& probe) override;
  std::vector<int> descriptors() const override;
  void receive(std::vector<Reply>& replies) override;
  std::uint64_t ignored() const override { return ignored_ + (capture_ ? capture_->ignored() : 0); }
  std::optional<ReplyFragments> reply_fragments() const override {
    return capture_ ? capture_->reply_fragments() : std::nullopt;
  }

 private:
  std::expected<void, SendFailure> send_packet(std::span<const std::byte> packet);
  std::optional<Reply> take(const Arrival& arrival);
  std::optional<Reply> take_v4(const Arrival& arrival);
  std::optional<Reply> take_v6(const Arrival& arrival);

  RawSockets sockets_;
  ProbeMatcher matcher_;
  SocketAddress destination_;
  std::unique_ptr<Capture> capture_;
  Receiver receiver_;
  std::uint64_t ignored_ = 0;
};

std::expected<void, SendFailure> RawChannel::send_packet(std::span<const std::byte> packet) {
  const ssize_t sent =
      sendto(sockets_.send.get(), packet.data(), packet.size(), 0, destination_.get(), destination_.length);
  if (sent >= 0) return {};
  const int error_number = errno;
  // A packet above the device's MTU also leaves an entry in the error queue, where it would use up the buffer.
  while (receiver_.next(sockets_.send.get(), MSG_ERRQUEUE)) {
  }
  return std::unexpected(send_failure(error_number));
}

std::expected<void, SendFailure> RawChannel::send(const Probe& probe) {
  const std::vector<std::vector<std::byte>> packets = encode_probe_packets(matcher_.flow(), probe);
  if (packets.empty()) {
    return std::unexpected(probe.size_bytes > 65535 ? SendFailure::kTooLarge : SendFailure::kNoRoute);
  }
  for (const std::vector<std::byte>& packet : packets) {
    if (auto sent = send_packet(packet); !sent) return sent;
  }
  matcher_.note_sent(probe);
  return {};
}

std::vector<int> RawChannel::descriptors() const {
  std::vector<int> fds{sockets_.receive.get()};
  if (capture_) fds.push_back(capture_->descriptor());
  return fds;
}

std::optional<Reply> RawChannel::take_v4(const Arrival& arrival) {
  const std::optional<IpPacket> packet = decode_ipv4_packet(arrival.bytes);
  if (!packet || !packet->complete || packet->is_fragment()) return std::nullopt;
  return matcher_.match(
      ReceivedIcmp{.from = packet->source, .ttl = packet->ttl, .icmp = packet->payload, .checksum_verified = false});
}

std::optional<Reply> RawChannel::take_v6(const Arrival& arrival) {
  if (!arrival.from) return std::nullopt;
  return matcher_.match(
      ReceivedIcmp{.from = *arrival.from, .ttl = arrival.ttl, .icmp = arrival.bytes, .checksum_verified = true});
}

std::optional<Reply> RawChannel::take(const Arrival& arrival) {
  return matcher_.flow().target.family == Family::kInet ? take_v4(arrival) : take_v6(arrival);
}

void RawChannel::receive(std::vector<Reply>& replies) {
  for (int count = 0; count < kPacketsPerRead; ++count) {
    const std::optional<Arrival> arrival = receiver_.next(sockets_.receive.get());
    if (!arrival) break;
    if (const std::optional<Reply> reply = take(*arrival)) {
      replies.push_back(*reply);
    } else {
      ++ignored_;
    }
  }
  if (capture_) capture_->receive(matcher_, replies);
}

/// Finds a port that nobody is bound to, outside the range from which the system hands ports out by itself: an answer
/// to a probe would otherwise reach somebody's socket, and a too-big message change the cache through it.
Result<std::uint16_t> unused_port(const ChannelOptions& options) {
  std::random_device random;
  std::uniform_int_distribution<std::uint16_t> ports(61000, 65000);
  for (int attempt = 0; attempt < 64; ++attempt) {
    const std::uint16_t port = ports(random);
    Result<Fd> fd = open_channel_socket({SOCK_DGRAM, 0, {}}, options);
    if (!fd) return std::unexpected(fd.error());
    IpAddress any;
    any.family = options.target.family;
    const SocketAddress address = to_socket_address(any, port, 0);
    if (bind(fd->get(), address.get(), address.length) == 0) return port;
  }
  return failure(ErrorKind::kUnavailable, "no unused UDP port between 61000 and 65000");
}

}  // namespace

Result<std::unique_ptr<ProbeChannel>> open_raw_channel(const ChannelOptions& options) {
  Result<RawSockets> sockets =
      options.target.family == Family::kInet ? open_raw_sockets_v4(options) : open_raw_sockets_v6(options);
  if (!sockets) return std::unexpected(sockets.error());
  const Result<std::uint16_t> port = unused_port(options);
  if (!port) return std::unexpected(port.error());
  ProbeFlow flow;
  flow.source = options.source;
  flow.target = options.target;
  flow.source_port = *port;
  randomize_flow(flow, random_bytes());
  return std::make_unique<RawChannel>(options, std::move(*sockets), flow);
}

}  // namespace vpndoctor
