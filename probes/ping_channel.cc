// SPDX-License-Identifier: Apache-2.0
// Echo probes over the unprivileged ping socket. The kernel chooses the echo id and checks the checksums.
#include <netinet/in.h>

#include "error_queue_channel.h"

namespace vpndoctor {
namespace {

class PingChannel final : public ErrorQueueChannel {
 public:
  using ErrorQueueChannel::ErrorQueueChannel;

  CarrierAbilities abilities() const override {
    return {.echo = true, .udp = false, .ttl_limited = true, .fragments = false, .harmless = false};
  }
  std::string privilege() const override { return "ping-socket"; }

 protected:
  Method method() const override { return Method::kEcho; }
  std::span<const std::byte> socket_payload(std::span<const std::byte> transport) const override { return transport; }
  std::optional<Reply> match_answer(const Arrival& arrival) override {
    const std::optional<IcmpMessage> message = decode_icmp(matcher().flow().target.family, arrival.bytes);
    if (!message || !arrival.from) return std::nullopt;
    std::optional<Reply> reply = matcher().match_echo_reply(*arrival.from, *message);
    if (reply) reply->received_ttl = arrival.ttl;
    return reply;
  }
};

constexpr const char* kPingHint =
    "run as root, or let all groups ping: sysctl net.ipv4.ping_group_range='0 2147483647'";

}  // namespace

Result<std::unique_ptr<ProbeChannel>> open_ping_channel(const ChannelOptions& options) {
  const Family family = options.target.family;
  const int protocol = family == Family::kInet ? static_cast<int>(IPPROTO_ICMP) : static_cast<int>(IPPROTO_ICMPV6);
  Result<Fd> fd = open_channel_socket({SOCK_DGRAM, protocol, kPingHint}, options);
  if (!fd) return std::unexpected(fd.error());
  if (Result<void> set = set_error_queue_options(*fd, family); !set) return std::unexpected(set.error());
  if (Result<void> bound = bind_source(*fd, options); !bound) return std::unexpected(bound.error());
  const Result<std::uint16_t> id = connect_to_target(*fd, options, 0);
  if (!id) return std::unexpected(id.error());
  ProbeFlow flow;
  flow.source = options.source;
  flow.target = options.target;
  randomize_flow(flow, random_bytes());
  flow.icmp_id = *id;
  return std::make_unique<PingChannel>(std::move(*fd), flow);
}

}  // namespace vpndoctor
