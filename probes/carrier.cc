// SPDX-License-Identifier: Apache-2.0
// Tries the channels from the most able to the least, as privileges allow.
#include "carrier.h"

#include <utility>

namespace vpndoctor {
namespace {

/// Echo over the one channel, UDP over the other.
class PairedChannel final : public ProbeChannel {
 public:
  PairedChannel(std::unique_ptr<ProbeChannel> echo, std::unique_ptr<ProbeChannel> udp)
      : echo_(std::move(echo)), udp_(std::move(udp)) {}

  CarrierAbilities abilities() const override {
    CarrierAbilities both = echo_->abilities();
    both.udp = udp_->abilities().udp;
    both.harmless = both.harmless && udp_->abilities().harmless;
    return both;
  }
  std::string privilege() const override { return echo_->privilege(); }
  std::expected<void, SendFailure> send(const Probe& probe) override {
    return (probe.method == Method::kUdp ? udp_ : echo_)->send(probe);
  }
  std::vector<int> descriptors() const override {
    std::vector<int> all = echo_->descriptors();
    const std::vector<int> more = udp_->descriptors();
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  void receive(std::vector<Reply>& replies) override {
    echo_->receive(replies);
    udp_->receive(replies);
  }
  std::uint64_t ignored() const override { return echo_->ignored() + udp_->ignored(); }
  std::optional<ReplyFragments> reply_fragments() const override { return echo_->reply_fragments(); }

 private:
  std::unique_ptr<ProbeChannel> echo_;
  std::unique_ptr<ProbeChannel> udp_;
};

}  // namespace

Result<std::unique_ptr<ProbeChannel>> open_carrier(const ChannelOptions& options, std::optional<Method> method) {
  auto raw = open_raw_channel(options);
  if (raw || raw.error().kind != ErrorKind::kPermission) return raw;
  if (method == Method::kUdp) return open_udp_channel(options);
  auto ping = open_ping_channel(options);
  if (method == Method::kEcho || (!ping && ping.error().kind != ErrorKind::kPermission)) return ping;
  auto udp = open_udp_channel(options);
  if (!ping || !udp) return ping ? std::move(ping) : std::move(udp);
  return std::make_unique<PairedChannel>(std::move(*ping), std::move(*udp));
}

}  // namespace vpndoctor
