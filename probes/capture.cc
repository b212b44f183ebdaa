// SPDX-License-Identifier: Apache-2.0
// Opens the capture socket and reads it.
#include "capture.h"

#include <fmt/format.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pcap/pcap.h>

#include <string>

namespace vpndoctor {
namespace {

using PcapHandle = std::unique_ptr<pcap_t, Freer<pcap_close>>;
constexpr int kSnapBytes = 65535;

std::string filter_text(const ProbeFlow& flow) {
  if (flow.target.family == Family::kInet) {
    return fmt::format("dst host {0} and ((icmp[0] = 3 and icmp[1] = 4) or (src host {1} and ip[6:2] & 0x3fff != 0))",
                       flow.source, flow.target);
  }
  return fmt::format("dst host {0} and ((ip6[6] = 58 and ip6[40] = 2) or (src host {1} and ip6[6] = 44))", flow.source,
                     flow.target);
}

bool attach_filter(const Fd& fd, const ProbeFlow& flow) {
  const PcapHandle compiler(pcap_open_dead(DLT_RAW, kSnapBytes));
  bpf_program program{};
  if (!compiler || pcap_compile(compiler.get(), &program, filter_text(flow).c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
    return false;
  }
  // libpcap's instructions and the kernel's are the same by design; only the names of the structs differ.
  const sock_fprog filter{.len = static_cast<unsigned short>(program.bf_len),
                          .filter = reinterpret_cast<sock_filter*>(program.bf_insns)};
  const bool attached = setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) == 0;
  pcap_freecode(&program);
  return attached;
}

bool listen_on(const Fd& fd, const ChannelOptions& options) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(options.target.family == Family::kInet ? ETH_P_IP : ETH_P_IPV6);
  address.sll_ifindex = static_cast<int>(if_nametoindex(options.capture_interface.c_str()));
  return address.sll_ifindex != 0 && bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
}

}  // namespace

std::unique_ptr<Capture> Capture::open(const ChannelOptions& options, const ProbeFlow& flow) {
  if (options.capture_interface.empty()) return nullptr;
  // Protocol 0 receives nothing until the filter is in place and bind() names a protocol.
  Fd fd(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd || !attach_filter(fd, flow)) return nullptr;
  set_option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
  set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, 1 << 20);
  if (!listen_on(fd, options)) return nullptr;
  return std::unique_ptr<Capture>(new Capture(std::move(fd), flow));
}

bool Capture::take(const Arrival& arrival, ProbeMatcher& matcher, std::vector<Reply>& replies) {
  const std::optional<IpPacket> packet = decode_ip_packet(arrival.bytes);
  if (!packet) return false;
  if (packet->is_fragment()) return fragments_.note(*packet);
  const bool is_v4 = packet->source.family == Family::kInet;
  if (!packet->complete || packet->protocol != (is_v4 ? kProtocolIcmp : kProtocolIcmp6)) return false;
  const ReceivedIcmp received{
      .from = packet->source, .ttl = packet->ttl, .icmp = packet->payload, .checksum_verified = false};
  std::optional<Reply> reply = matcher.match(received);
  if (!reply || reply->kind != Reply::Kind::kTooBig) return false;
  reply->on_wire_only = true;
  replies.push_back(*reply);
  return true;
}

void Capture::receive(ProbeMatcher& matcher, std::vector<Reply>& replies) {
  for (int count = 0; count < kPacketsPerRead; ++count) {
    const std::optional<Arrival> arrival = receiver_.next(fd_.get());
    if (!arrival) return;
    if (!take(*arrival, matcher, replies)) ++ignored_;
  }
}

}  // namespace vpndoctor
