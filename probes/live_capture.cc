// SPDX-License-Identifier: Apache-2.0
// Captures through libpcap; see the header.
#include "live_capture.h"

#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "vpndoctor/text_escape.h"

namespace vpndoctor {
namespace {

/// A second of 81,000 packets of 128 bytes with their headers is 20 MB: enough for any pause of this program.
constexpr int kRingBytes = 32 << 20;
/// How long the kernel keeps a block that is not full: a flow's socket is looked for when its first packet is seen.
constexpr int kTimeoutMilliseconds = 4;
constexpr int kBatch = 16'384;

std::unexpected<Error> activation_failure(int outcome, const std::string& interface, pcap_t* pcap) {
  const std::string shown = escape_controls(interface);
  if (outcome == PCAP_ERROR_PERM_DENIED || outcome == PCAP_ERROR_PROMISC_PERM_DENIED) {
    return failure(ErrorKind::kPermission, "capturing on " + shown + " needs CAP_NET_RAW", "run it as root");
  }
  const std::string_view why = pcap_geterr(pcap);
  return failure(ErrorKind::kUnavailable, fmt::format("cannot capture on {}: {}", shown,
                                                      why.empty() ? std::string_view(pcap_statustostr(outcome)) : why));
}

/// Returns false, with the reason in the handle, when the filter is not understood.
bool set_filter(pcap_t* pcap, const std::string& text) {
  bpf_program program{};
  if (pcap_compile(pcap, &program, text.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) return false;
  const bool is_set = pcap_setfilter(pcap, &program) == 0;
  pcap_freecode(&program);
  return is_set;
}

/// The error that waits on a socket, which this takes from it; 0: none.
int pending_error(int descriptor) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : 0;
}

struct Delivery {
  const PacketTaker& take;
  CapturedPacket packet;
};

void deliver(u_char* user, const pcap_pkthdr* header, const u_char* data) {
  auto& delivery = *reinterpret_cast<Delivery*>(user);
  delivery.packet.at = std::chrono::system_clock::time_point(std::chrono::seconds(header->ts.tv_sec) +
                                                             std::chrono::nanoseconds(header->ts.tv_usec));
  delivery.packet.length_bytes = header->len;
  delivery.packet.bytes = std::as_bytes(std::span(data, header->caplen));
  delivery.take(delivery.packet);
}

}  // namespace

Result<LiveCapture> LiveCapture::open(const CapturePlace& place) {
  std::array<char, PCAP_ERRBUF_SIZE> why{};
  Handle pcap(pcap_create(place.interface.c_str(), why.data()));
  if (!pcap) return failure(ErrorKind::kUnavailable, fmt::format("cannot capture: {}", why.data()));
  pcap_set_snaplen(pcap.get(), kLeakSnapBytes);
  pcap_set_promisc(pcap.get(), 0);
  pcap_set_timeout(pcap.get(), kTimeoutMilliseconds);
  pcap_set_buffer_size(pcap.get(), kRingBytes);
  const bool has_nanoseconds = pcap_set_tstamp_precision(pcap.get(), PCAP_TSTAMP_PRECISION_NANO) == 0;
  const int outcome = pcap_activate(pcap.get());
  if (outcome < 0) return activation_failure(outcome, place.interface, pcap.get());
  if (!has_nanoseconds) return failure(ErrorKind::kUnavailable, "this libpcap has no time stamps in nanoseconds");
  // Never the filter word `outbound`: the first packets get lost with it.
  const bool is_set =
      place.is_both_ways ? set_filter(pcap.get(), place.filter) : pcap_setdirection(pcap.get(), PCAP_D_OUT) == 0;
  if (!is_set || pcap_setnonblock(pcap.get(), 1, why.data()) != 0) {
    return failure(ErrorKind::kUnavailable,
                   fmt::format("cannot capture on {}: {}", escape_controls(place.interface), pcap_geterr(pcap.get())));
  }
  const int link_type = pcap_datalink(pcap.get());
  if (!is_known_link_type(link_type)) {
    return failure(ErrorKind::kUnavailable, fmt::format("{} has packets of link type {}, which is not read here",
                                                        escape_controls(place.interface), link_type));
  }
  return LiveCapture(place, std::move(pcap), link_type);
}

std::string LiveCapture::receive(const PacketTaker& take) {
  if (!pcap_) return "";
  // libpcap goes on in silence where an interface is set down; asked first, for it clears the error itself.
  const bool went_down = pending_error(pcap_get_selectable_fd(pcap_.get())) == ENETDOWN;
  Delivery delivery{take, {}};
  delivery.packet.interface = place_.interface;
  delivery.packet.link_type = link_type_;
  if (!place_.is_both_ways) delivery.packet.direction = PacketDirection::kOut;
  const int outcome = pcap_dispatch(pcap_.get(), kBatch, deliver, reinterpret_cast<u_char*>(&delivery));
  if (outcome >= 0 && !went_down) return "";
  std::string why = outcome < 0 ? escape_controls(pcap_geterr(pcap_.get())) : "the interface went down";
  dropped();
  pcap_.reset();
  return why;
}

std::uint64_t LiveCapture::dropped() {
  pcap_stat stat{};
  if (pcap_ && pcap_stats(pcap_.get(), &stat) == 0) dropped_ = stat.ps_drop;
  return dropped_;
}

std::string LiveCapture::send_control() const {
  if (!place_.control) return "";
  const Fd fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = place_.index;
  const auto& frame = *place_.control;
  const ssize_t sent = sendto(fd.get(), frame.data(), frame.size(), MSG_DONTWAIT,
                              reinterpret_cast<const sockaddr*>(&address), sizeof address);
  return sent == static_cast<ssize_t>(frame.size()) ? "" : std::strerror(errno);
}

}  // namespace vpndoctor
