// SPDX-License-Identifier: Apache-2.0
// UDP probes that need no privilege at all, as tracepath sends them: the port-unreachable message is the answer.
#include "error_queue_channel.h"

namespace vpndoctor {
namespace {

class UdpChannel final : public ErrorQueueChannel {
 public:
  using ErrorQueueChannel::ErrorQueueChannel;

  CarrierAbilities abilities() const override {
    return {.echo = false, .udp = true, .ttl_limited = true, .fragments = false, .harmless = false};
  }
  std::string privilege() const override { return "unprivileged"; }

 protected:
  Method method() const override { return Method::kUdp; }
  std::span<const std::byte> socket_payload(std::span<const std::byte> transport) const override {
    constexpr std::size_t kUdpHeaderBytes = 8;
    return transport.subspan(kUdpHeaderBytes);
  }
  std::optional<Reply> match_answer(const Arrival& arrival) override {
    if (!arrival.from) return std::nullopt;
    std::optional<Reply> reply = matcher().match_udp_reply(*arrival.from, arrival.bytes);
    if (reply) reply->received_ttl = arrival.ttl;
    return reply;
  }
};

}  // namespace

Result<std::unique_ptr<ProbeChannel>> open_udp_channel(const ChannelOptions& options) {
  Result<Fd> fd = open_channel_socket({SOCK_DGRAM, 0, {}}, options);
  if (!fd) return std::unexpected(fd.error());
  if (Result<void> set = set_error_queue_options(*fd, options.target.family); !set) {
    return std::unexpected(set.error());
  }
  if (Result<void> bound = bind_source(*fd, options); !bound) return std::unexpected(bound.error());
  const Result<std::uint16_t> port = connect_to_target(*fd, options, kProbeDestinationPort);
  if (!port) return std::unexpected(port.error());
  ProbeFlow flow;
  flow.source = options.source;
  flow.target = options.target;
  flow.source_port = *port;
  randomize_flow(flow, random_bytes());
  return std::make_unique<UdpChannel>(std::move(*fd), flow);
}

}  // namespace vpndoctor
