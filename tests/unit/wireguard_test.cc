// SPDX-License-Identifier: Apache-2.0
// WireGuard's answers, from the userspace text and from generic netlink bytes built after linux/wireguard.h.
#include "vpndoctor/wireguard.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <array>
#include <chrono>
#include <cstring>
#include <limits>
#include <string>

#include "handles.h"
#include "wireguard_message.h"

namespace vpndoctor {
namespace {

IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }

const std::string kAnswer =
    "private_key=e84b5a6d2717c1003a13b431570353dbaca9146cf150c5f8575680feba52027a\n"
    "listen_port=12912\nfwmark=51820\n"
    "public_key=b85996fecc9c7f1fc6d2572a76eda11d59bcd20be8e543b15ce4bd85a8e75a33\n"
    "preshared_key=188515093e952f5f22e865cef3012e72f8b5f0b598ac0309d5dacce3b70fcf52\n"
    "allowed_ip=192.168.4.4/32\nendpoint=[2001:db8::33%2]:51820\n"
    "public_key=58402e695ba1772b1cc9309755f043251ea77fdcf10fbe63989ceb7e19321376\n"
    "tx_bytes=38333\nrx_bytes=2224\nallowed_ip=0.0.0.0/0\nallowed_ip=192.168.4.0/22\n"
    "endpoint=182.122.22.19:3233\nlast_handshake_time_sec=1700000000\nlast_handshake_time_nsec=250000000\n"
    "persistent_keepalive_interval=25\n"
    "public_key=662e14fd594556f522604703340351258903b64f35553763f19426ab2a515c58\n"
    "last_handshake_time_sec=0\nlast_handshake_time_nsec=0\npersistent_keepalive_interval=0\n"
    "allowed_ip=2001:db8:7::/48\nprotocol_version=1\nerrno=0\n\n";

TEST(WireguardUapi, PeersMarkAndEndpointsAreRead) {
  const auto device = parse_wireguard_uapi(kAnswer);
  ASSERT_TRUE(device.has_value());
  EXPECT_EQ(device->mark, 51820U);
  ASSERT_EQ(device->peers.size(), 3U);
  EXPECT_EQ(device->peers[0].endpoint, ip("2001:db8::33"));
  EXPECT_EQ(device->peers[0].endpoint_port, 51820);
  EXPECT_EQ(device->peers[1].endpoint, ip("182.122.22.19"));
  EXPECT_EQ(device->peers[1].allowed_ips, (std::vector<AllowedIp>{{ip("0.0.0.0"), 0}, {ip("192.168.4.0"), 22}}));
  EXPECT_EQ(device->peers[2].endpoint, std::nullopt);
}

TEST(WireguardUapi, SessionsOfPeersAreRead) {
  using namespace std::chrono;
  const auto device = parse_wireguard_uapi(kAnswer);
  ASSERT_TRUE(device.has_value());
  EXPECT_EQ(device->listen_port, 12912);
  ASSERT_EQ(device->peers.size(), 3U);
  // As base64(1) of coreutils words them.
  EXPECT_EQ(device->peers[0].public_key, "uFmW/sycfx/G0lcqdu2hHVm80gvo5UOxXOS9hajnWjM=");
  EXPECT_EQ(device->peers[0].last_handshake, std::nullopt);
  EXPECT_EQ(device->peers[0].keepalive, std::nullopt);
  EXPECT_EQ(device->peers[1].sent_bytes, 38333U);
  EXPECT_EQ(device->peers[1].received_bytes, 2224U);
  EXPECT_EQ(device->peers[1].last_handshake, system_clock::time_point(seconds(1'700'000'000) + milliseconds(250)));
  EXPECT_EQ(device->peers[1].keepalive, seconds(25));
  EXPECT_EQ(device->peers[2].last_handshake, std::nullopt);
  EXPECT_EQ(device->peers[2].keepalive, std::nullopt);
}

TEST(WireguardUapi, TheLongestAllowedIpDecides) {
  const auto device = parse_wireguard_uapi(kAnswer).value();
  EXPECT_EQ(wireguard_peer_for(device, ip("192.168.4.4")), &device.peers[0]);
  EXPECT_EQ(wireguard_peer_for(device, ip("192.168.4.5")), &device.peers[1]);
  EXPECT_EQ(wireguard_peer_for(device, ip("9.9.9.9")), &device.peers[1]);
  EXPECT_EQ(wireguard_peer_for(device, ip("2001:db8:7:1::1")), &device.peers[2]);
  EXPECT_EQ(wireguard_peer_for(device, ip("2001:db8:8::1")), nullptr);
}

TEST(WireguardUapi, NoPrefixOfAnAnswerIsTakenForAWholeOne) {
  const std::size_t whole = kAnswer.size() - 1;  // up to "errno=0\n"
  for (std::size_t size = 0; size < whole; ++size) {
    EXPECT_FALSE(parse_wireguard_uapi(kAnswer.substr(0, size)).has_value()) << size;
  }
  EXPECT_TRUE(parse_wireguard_uapi(kAnswer.substr(0, whole)).has_value());
}

TEST(WireguardUapi, MalformedAnswersAreRefused) {
  for (const char* text : {"errno=1\n\n", "endpoint=1.2.3.4:5\nerrno=0\n\n", "allowed_ip=1.2.3.4/31\nerrno=0\n\n",
                           "public_key=a\nerrno=0\n\n", "public_key=aabb\nerrno=0\n\n", "fwmark=x\nerrno=0\n\n",
                           "listen_port=65536\nerrno=0\n\n", "no equals sign\nerrno=0\n\n"}) {
    EXPECT_FALSE(parse_wireguard_uapi(text).has_value()) << text;
  }
  const std::string peer = "public_key=" + std::string(64, 'a') + "\n";
  for (const char* line : {"allowed_ip=1.2.3.4/33", "endpoint=1.2.3.4", "endpoint=[1.2.3.4]:5", "tx_bytes=-1",
                           "rx_bytes=18446744073709551616", "last_handshake_time_sec=x",
                           "last_handshake_time_nsec=", "persistent_keepalive_interval=65536"}) {
    EXPECT_FALSE(parse_wireguard_uapi(peer + line + "\nerrno=0\n\n").has_value()) << line;
  }
  EXPECT_TRUE(parse_wireguard_uapi(peer + "errno=0\n\n").has_value());
  EXPECT_TRUE(parse_wireguard_uapi("errno=0\n\n").has_value());
}

TEST(WireguardMoment, WhatNoClockCanShowIsNoMoment) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(wireguard_moment(0, 0), std::nullopt);
  EXPECT_EQ(wireguard_moment(kMost, 0), std::nullopt);
  EXPECT_EQ(wireguard_moment(-1, 0), std::nullopt);
  EXPECT_EQ(wireguard_moment(1, 1'000'000'000), std::nullopt);
  EXPECT_EQ(wireguard_moment(1, 5)->time_since_epoch(), std::chrono::nanoseconds(1'000'000'005));
  EXPECT_TRUE(wireguard_moment(9'223'372'035, 999'999'999).has_value());
}

TEST(AllowedIp, PrefixesOfAnyLengthContainWhatTheyShould) {
  EXPECT_TRUE((AllowedIp{ip("10.0.0.0"), 0}.contains(ip("255.1.2.3"))));
  EXPECT_TRUE((AllowedIp{ip("10.128.0.0"), 9}.contains(ip("10.255.0.1"))));
  EXPECT_FALSE((AllowedIp{ip("10.128.0.0"), 9}.contains(ip("10.127.0.1"))));
  EXPECT_FALSE((AllowedIp{ip("0.0.0.0"), 0}.contains(ip("::1"))));
  EXPECT_TRUE((AllowedIp{ip("2001:db8::1"), 128}.contains(ip("2001:db8::1"))));
  EXPECT_FALSE((AllowedIp{ip("2001:db8::1"), 128}.contains(ip("2001:db8::2"))));
}

/// Builds an answer by libnl: an encoder that shares nothing with the decoder under test.
class AnswerBuilder {
 public:
  AnswerBuilder() : message_(nlmsg_alloc()) {
    genlmsghdr header{WG_CMD_GET_DEVICE, 1, 0};
    nlmsg_append(message_.get(), &header, sizeof header, NLMSG_ALIGNTO);
    const std::array<unsigned char, 32> key{1, 2, 3};
    nla_put(message_.get(), WGDEVICE_A_PRIVATE_KEY, key.size(), key.data());
    nla_put_u32(message_.get(), WGDEVICE_A_FWMARK, 51820);
    nla_put_u16(message_.get(), WGDEVICE_A_LISTEN_PORT, 5001);
    peers_ = nla_nest_start(message_.get(), WGDEVICE_A_PEERS);
  }

  AnswerBuilder& peer(const char* endpoint, const std::vector<std::pair<const char*, int>>& allowed,
                      bool continues = false) {
    nlattr* peer = nla_nest_start(message_.get(), 0);
    const std::array<unsigned char, 32> key{9, 9, 9};
    nla_put(message_.get(), WGPEER_A_PUBLIC_KEY, key.size(), key.data());
    if (!continues) put_session();
    if (endpoint != nullptr) put_endpoint(endpoint);
    nlattr* list = nla_nest_start(message_.get(), WGPEER_A_ALLOWEDIPS);
    for (const auto& [address, length] : allowed) put_allowed(address, length);
    nla_nest_end(message_.get(), list);
    nla_nest_end(message_.get(), peer);
    return *this;
  }

  /// The payload after nlmsghdr.
  std::vector<std::byte> bytes() {
    nla_nest_end(message_.get(), peers_);
    nlmsghdr* header = nlmsg_hdr(message_.get());
    const auto* begin = static_cast<const std::byte*>(nlmsg_data(header));
    return {begin, begin + nlmsg_datalen(header)};
  }

 private:
  void put_session() {
    const std::array<unsigned char, 32> shared{7, 7, 7};
    nla_put(message_.get(), WGPEER_A_PRESHARED_KEY, shared.size(), shared.data());
    const std::array<std::int64_t, 2> handshake{1'700'000'000, 5};
    nla_put(message_.get(), WGPEER_A_LAST_HANDSHAKE_TIME, sizeof handshake, &handshake);
    nla_put_u16(message_.get(), WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 25);
    nla_put_u64(message_.get(), WGPEER_A_TX_BYTES, 5'000'000'000);
    nla_put_u64(message_.get(), WGPEER_A_RX_BYTES, 9);
    nla_put_u32(message_.get(), WGPEER_A_PROTOCOL_VERSION, 1);
  }

  void put_endpoint(const char* text) {
    const IpAddress address = ip(text);
    if (address.family == Family::kInet) {
      sockaddr_in socket_address{};
      socket_address.sin_family = AF_INET;
      socket_address.sin_port = htons(51820);
      std::memcpy(&socket_address.sin_addr, address.octets().data(), 4);
      nla_put(message_.get(), WGPEER_A_ENDPOINT, sizeof socket_address, &socket_address);
    } else {
      sockaddr_in6 socket_address{};
      socket_address.sin6_family = AF_INET6;
      socket_address.sin6_port = htons(51820);
      std::memcpy(&socket_address.sin6_addr, address.octets().data(), 16);
      nla_put(message_.get(), WGPEER_A_ENDPOINT, sizeof socket_address, &socket_address);
    }
  }

  void put_allowed(const char* text, int length) {
    const IpAddress address = ip(text);
    nlattr* entry = nla_nest_start(message_.get(), 0);
    nla_put_u16(message_.get(), WGALLOWEDIP_A_FAMILY, address.family == Family::kInet ? AF_INET : AF_INET6);
    nla_put(message_.get(), WGALLOWEDIP_A_IPADDR, static_cast<int>(address.octets().size()), address.octets().data());
    nla_put_u8(message_.get(), WGALLOWEDIP_A_CIDR_MASK, static_cast<std::uint8_t>(length));
    nla_nest_end(message_.get(), entry);
  }

  NlMessage message_;
  nlattr* peers_ = nullptr;
};

/// A peer as AnswerBuilder builds it.
WireguardPeer built_peer(const char* endpoint, const std::vector<AllowedIp>& allowed) {
  WireguardPeer peer;
  if (endpoint != nullptr) peer.endpoint = ip(endpoint);
  if (endpoint != nullptr) peer.endpoint_port = 51820;
  peer.allowed_ips = allowed;
  peer.public_key = "CQkJAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  peer.last_handshake = std::chrono::system_clock::time_point(std::chrono::nanoseconds(1'700'000'000'000'000'005));
  peer.received_bytes = 9;
  peer.sent_bytes = 5'000'000'000;
  peer.keepalive = std::chrono::seconds(25);
  return peer;
}

TEST(WireguardMessage, PeersOfBothFamiliesAreRead) {
  const auto bytes =
      AnswerBuilder().peer("192.0.2.7", {{"10.0.0.0", 8}}).peer("2001:db8::7", {{"::", 0}}).peer(nullptr, {}).bytes();
  WireguardDevice device;
  ASSERT_TRUE(take_wireguard_message(bytes, device));
  EXPECT_EQ(device.mark, 51820U);
  ASSERT_EQ(device.peers.size(), 3U);
  EXPECT_EQ(device.listen_port, 5001);
  EXPECT_EQ(device.peers[0], built_peer("192.0.2.7", {{ip("10.0.0.0"), 8}}));
  EXPECT_EQ(device.peers[1], built_peer("2001:db8::7", {{ip("::"), 0}}));
  EXPECT_EQ(device.peers[2], built_peer(nullptr, {}));
}

TEST(WireguardMessage, APeerThatGoesOnInTheNextMessageStaysOnePeer) {
  WireguardDevice device;
  ASSERT_TRUE(take_wireguard_message(AnswerBuilder().peer("192.0.2.7", {{"10.0.0.0", 8}}).bytes(), device));
  ASSERT_TRUE(take_wireguard_message(
      AnswerBuilder().peer(nullptr, {{"172.16.0.0", 12}}, true).peer("192.0.2.8", {{"10.1.0.0", 16}}).bytes(), device));
  ASSERT_EQ(device.peers.size(), 2U);
  EXPECT_EQ(device.peers[0], built_peer("192.0.2.7", {{ip("10.0.0.0"), 8}, {ip("172.16.0.0"), 12}}));
  EXPECT_EQ(wireguard_peer_for(device, ip("172.20.0.1")), &device.peers[0]);
  EXPECT_EQ(wireguard_peer_for(device, ip("10.1.0.1")), &device.peers[1]);
}

TEST(WireguardMessage, EveryTruncationIsSurvived) {
  const auto bytes = AnswerBuilder().peer("192.0.2.7", {{"10.0.0.0", 8}}).peer("2001:db8::7", {{"::", 0}}).bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    WireguardDevice device;
    take_wireguard_message(cut, device);
    // The peers' list is one attribute: a cut one is not read at all.
    EXPECT_EQ(device.peers.size(), 0U) << size;
  }
}

}  // namespace
}  // namespace vpndoctor
