// SPDX-License-Identifier: Apache-2.0
// IPsec policies as the kernel has them, compared with what ip-xfrm(8) was told to make; states and what no kernel here
// can make from messages that are built.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "leak_facets.h"
#include "unit/in_namespace.h"
#include "unit/random_xfrm.h"
#include "xfrm_message.h"

namespace vpndoctor {
namespace {

using testing_support::in_network_namespace;
using testing_support::make_policies;
using testing_support::random_policies;
using testing_support::run;
using Message = std::vector<std::byte>;

std::string name_of(int index) { return "eth" + std::to_string(index); }

template <class T>
void append(Message& message, const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  message.insert(message.end(), bytes.begin(), bytes.end());
  message.resize((message.size() + 3) / 4 * 4);
}

template <class T>
void append_attribute(Message& message, std::uint16_t type, const T& value) {
  append(message, nlattr{static_cast<std::uint16_t>(sizeof(nlattr) + sizeof value), type});
  append(message, value);
}

void set_address(xfrm_address_t& to, const char* text) {
  const IpAddress address = *IpAddress::parse(text);
  std::memcpy(&to, address.octets().data(), address.octets().size());
}

xfrm_userpolicy_info policy_info() {
  xfrm_userpolicy_info info{};
  info.sel.family = AF_INET;
  set_address(info.sel.daddr, "198.51.100.7");
  info.sel.prefixlen_d = 24;
  info.sel.proto = IPPROTO_UDP;
  info.sel.sport = htons(0x1234);
  info.sel.sport_mask = htons(0xff00);
  info.sel.dport = htons(0x1234);
  info.sel.dport_mask = htons(0x00ff);
  info.sel.ifindex = 3;
  info.priority = 9;
  info.index = 17;
  info.dir = XFRM_POLICY_OUT;
  return info;
}

Message policy_message(const xfrm_userpolicy_info& info) {
  Message message;
  append(message, info);
  xfrm_user_tmpl wanted{};
  wanted.family = AF_INET6;
  set_address(wanted.id.daddr, "2001:db8::1");
  wanted.id.proto = IPPROTO_ESP;
  wanted.mode = XFRM_MODE_TUNNEL;
  append_attribute(message, XFRMA_TMPL, wanted);
  append_attribute(message, XFRMA_MARK, xfrm_mark{5, 7});
  append_attribute(message, XFRMA_IF_ID, std::uint32_t{42});
  append_attribute(message, XFRMA_POLICY_TYPE, xfrm_userpolicy_type{});
  return message;
}

Message state_message() {
  xfrm_usersa_info info{};
  info.family = AF_INET;
  set_address(info.saddr, "10.0.0.1");
  set_address(info.id.daddr, "203.0.113.9");
  info.id.spi = htonl(0xc0ffee01);
  info.id.proto = IPPROTO_ESP;
  info.mode = XFRM_MODE_TUNNEL;
  Message message;
  append(message, info);
  std::array<char, 128> secret{"rfc4106(gcm(aes))"};  // the name of the algorithm, then its key
  std::ranges::fill(std::span(secret).subspan(72), 'k');
  append_attribute(message, XFRMA_ALG_AEAD, secret);
  xfrm_encap_tmpl encapsulation{};
  encapsulation.encap_type = UDP_ENCAP_ESPINUDP;
  encapsulation.encap_sport = htons(4500);
  encapsulation.encap_dport = htons(40123);
  append_attribute(message, XFRMA_ENCAP, encapsulation);
  return message;
}

TEST(XfrmMessage, APolicyHasWhatItsMessageSays) {
  std::vector<XfrmPolicy> policies;
  ASSERT_EQ(take_xfrm_policy(policy_message(policy_info()), name_of, policies), XfrmTaken::kTaken);
  XfrmPolicy expected;
  expected.source = *IpPrefix::parse("0.0.0.0/0");
  expected.destination = *IpPrefix::parse("198.51.100.0/24");
  expected.ip_protocol = 17;
  expected.source_ports = NumberRange{0x1200, 0x12ff};
  expected.destination_ports = NumberRange{0x34, 0xff34};
  expected.destination_port_mask = 0xff;
  expected.interface = "eth3";
  expected.priority = 9;
  expected.index = 17;
  expected.mark = 5;
  expected.mark_mask = 7;
  expected.interface_id = 42;
  expected.templates = {{{}, IpAddress::parse("2001:db8::1"), 50, 1, false}};
  EXPECT_EQ(policies, std::vector{expected});
}

TEST(XfrmMessage, PoliciesOfSocketsAndOfOtherTypesAreNoPolicies) {
  std::vector<XfrmPolicy> policies;
  xfrm_userpolicy_info info = policy_info();
  for (const std::uint32_t direction : {3U, 4U}) {
    info.index = 16 + direction;
    info.dir = static_cast<std::uint8_t>(direction);
    EXPECT_EQ(take_xfrm_policy(policy_message(info), name_of, policies), XfrmTaken::kLeftOut);
  }
  Message sub;
  append(sub, policy_info());
  xfrm_userpolicy_type type{};
  type.type = XFRM_POLICY_TYPE_SUB;
  append_attribute(sub, XFRMA_POLICY_TYPE, type);
  EXPECT_EQ(take_xfrm_policy(sub, name_of, policies), XfrmTaken::kNotUnderstood);
  EXPECT_TRUE(policies.empty());
}

TEST(XfrmMessage, APrefixBeyondItsFamilyIsNone) {
  std::vector<XfrmPolicy> policies;
  xfrm_userpolicy_info info = policy_info();
  info.sel.prefixlen_s = 33;
  EXPECT_EQ(take_xfrm_policy(policy_message(info), name_of, policies), XfrmTaken::kMalformed);
  info.sel.prefixlen_s = 0;
  info.sel.family = AF_UNIX;
  EXPECT_EQ(take_xfrm_policy(policy_message(info), name_of, policies), XfrmTaken::kMalformed);
}

TEST(XfrmMessage, AStateHasItsEndsAndPorts) {
  std::vector<XfrmState> states;
  ASSERT_EQ(take_xfrm_state(state_message(), states), XfrmTaken::kTaken);
  const XfrmState expected{
      *IpAddress::parse("10.0.0.1"), *IpAddress::parse("203.0.113.9"), 0xc0ffee01, 50, 1, 4500, 40123};
  EXPECT_EQ(states, std::vector{expected});
}

/// Every beginning of a message is refused, or ends where an attribute does, its padding apart.
template <class Take>
void expect_no_overrun(const Message& whole, std::size_t header, const Take& take) {
  std::set<std::size_t> ends{header};
  Bytes rest = Bytes(whole).subspan(header);
  while (next_attribute(rest)) ends.insert(whole.size() - rest.size());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Message cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const bool is_end = ends.contains((size + 3) / 4 * 4);
    EXPECT_TRUE(take(cut) != XfrmTaken::kTaken || is_end) << size;
  }
}

TEST(XfrmMessage, AMessageThatIsCutIsNotBelieved) {
  std::vector<XfrmPolicy> policies;
  expect_no_overrun(policy_message(policy_info()), sizeof(xfrm_userpolicy_info),
                    [&](const Message& cut) { return take_xfrm_policy(cut, name_of, policies); });
  std::vector<XfrmState> states;
  expect_no_overrun(state_message(), sizeof(xfrm_usersa_info),
                    [&](const Message& cut) { return take_xfrm_state(cut, states); });
  EXPECT_EQ(decode_xfrm_default(Message(2)), std::nullopt);
  EXPECT_EQ(decode_xfrm_default(Message{std::byte{2}, std::byte{2}, std::byte{1}}), true);
  EXPECT_EQ(decode_xfrm_default(Message{std::byte{1}, std::byte{1}, std::byte{2}}), false);
}

TEST(XfrmQuery, ATableOfSocketsTellsWhetherTheModuleIsThere) {
  const std::string table =
      "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n"
      "000000003c8e4a10 0   16         00000551 0        0        0     2        0        20\n"
      "00000000e2a8d4b1 15  0          00000000 0        0        0     2        0        9\n";
  EXPECT_EQ(lists_netlink_protocol(table, 6), false);
  EXPECT_EQ(lists_netlink_protocol(table, 15), true);
  EXPECT_EQ(lists_netlink_protocol(table, 0), true);
  EXPECT_EQ(lists_netlink_protocol(table + "00000000e2a8d4b2 6   0          00000000 0", 6), true);
  EXPECT_EQ(lists_netlink_protocol("", 6), std::nullopt);
  EXPECT_EQ(lists_netlink_protocol("Permission denied\n", 6), std::nullopt);
  EXPECT_EQ(lists_netlink_protocol("sk \n\n \nx", 6), false);
}

TEST(XfrmQuery, WhatIpXfrmMadeIsRead) {
  in_network_namespace([] {
    run("for i in 0 1; do ip link add d$i type veth peer name p$i; done");
    std::mt19937_64 random(11);
    for (int round = 0; round < 20; ++round) {
      const auto drawn = random_policies(random, 40);
      make_policies(drawn);
      std::vector<XfrmPolicy> expected;
      for (auto each = drawn.rbegin(); each != drawn.rend(); ++each) expected.push_back(each->policy);
      Observed<Xfrm> read = read_xfrm();
      ASSERT_TRUE(read.is_complete());
      for (XfrmPolicy& each : read->policies) {
        EXPECT_EQ(each.index & 7U, static_cast<unsigned>(each.direction));
        each.index = 0;
      }
      ASSERT_EQ(read->policies, expected);
      EXPECT_FALSE(read->blocks_output_by_default);
    }
    run("ip xfrm policy setdefault out block");
    EXPECT_TRUE(read_xfrm()->blocks_output_by_default);
  });
}

TEST(XfrmQuery, PoliciesOfSocketsAreLeftOut) {
  in_network_namespace([] {
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    xfrm_userpolicy_info info{};
    info.sel.family = AF_INET;
    info.dir = XFRM_POLICY_OUT;
    ASSERT_EQ(::setsockopt(socket, IPPROTO_IP, 17 /* IP_XFRM_POLICY */, &info, sizeof info), 0);
    EXPECT_NE(testing_support::output_of("ip xfrm policy"), "");
    const Observed<Xfrm> read = read_xfrm();
    ::close(socket);
    ASSERT_TRUE(read.is_complete());
    EXPECT_TRUE(read->policies.empty());
  });
}

TEST(XfrmQuery, WithoutPrivilegeTheReasonIsTold) {
  in_network_namespace([] {
    run("ip xfrm policy");  // the module is there
    if (::geteuid() != 0 || ::seteuid(65534) != 0) GTEST_SKIP() << "needs root to give it up";
    const Observed<Xfrm> read = read_xfrm();
    EXPECT_EQ(::seteuid(0), 0);
    ASSERT_FALSE(read.is_known());
    EXPECT_EQ(read.why_missing(), "only root may read IPsec policies");
  });
}

}  // namespace
}  // namespace vpndoctor
