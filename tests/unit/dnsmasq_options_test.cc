// SPDX-License-Identifier: Apache-2.0
// dnsmasq's options and its answer to servers.bind. That they mean what dnsmasq does is
// tests/dns/test_read_dnsmasq.py's.
#include "vpndoctor/dnsmasq_options.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace vpndoctor {
namespace {

using Words = std::vector<std::string>;

DnsmasqOptions from_file(std::string_view text) {
  DnsmasqOptions options;
  read_dnsmasq_file(text, options);
  return options;
}

DnsmasqOptions from_arguments(const Words& words) {
  DnsmasqOptions options;
  read_dnsmasq_arguments(words, options);
  return options;
}

DnsMessage reply_with(std::vector<std::string> strings) {
  DnsMessage reply;
  reply.is_reply = true;
  reply.question = {"servers.bind", 16, kDnsClassChaos};
  DnsRecord record;
  record.name = "servers.bind";
  record.type = 16;
  record.dns_class = kDnsClassChaos;
  record.strings = std::move(strings);
  reply.answers.push_back(std::move(record));
  return reply;
}

TEST(DnsmasqOptions, ServerHasDomainsPortAndInterface) {
  const auto options = from_file("server=/a.example/B.example./10.0.0.1#5353@tun0\nserver=fe80::1%eth0\n");
  ASSERT_EQ(options.servers.size(), 2U);
  EXPECT_EQ(options.servers[0].server.to_string(), "10.0.0.1:5353");
  EXPECT_EQ(options.servers[0].interface, "tun0");
  EXPECT_EQ(options.servers[0].domains, (Words{"a.example", "b.example"}));
  EXPECT_EQ(options.servers[1].server.to_string(), "fe80::1%eth0");
  EXPECT_TRUE(options.not_understood.empty());
}

TEST(DnsmasqOptions, SourceAddressIsNoInterface) {
  const auto options = from_file("server=10.0.0.1@10.0.0.2#1053\nserver=10.0.0.3@eth0@10.0.0.4\n");
  ASSERT_EQ(options.servers.size(), 2U);
  EXPECT_EQ(options.servers[0].interface, "");
  EXPECT_EQ(options.servers[1].interface, "eth0");
}

TEST(DnsmasqOptions, ServerlessDomainsAreNeverForwarded) {
  const auto options =
      from_file("local=/home.lan/\nserver=/lan/\naddress=/x.example/192.0.2.1\nserver=/back.example/#\n");
  EXPECT_EQ(options.never_forwarded, (Words{"home.lan", "lan", "x.example"}));
  EXPECT_EQ(options.default_domains, (Words{"back.example"}));
  EXPECT_TRUE(options.servers.empty());
}

TEST(DnsmasqOptions, ReverseServerHasTheZonesOfItsPrefix) {
  const auto options =
      from_file("rev-server=10.1.0.0/16,10.0.0.1\nrev-server=192.168.6.0/23,10.0.0.1\nrev-server=fd00::/8,::1\n");
  ASSERT_EQ(options.servers.size(), 3U);
  EXPECT_EQ(options.servers[0].domains, (Words{"1.10.in-addr.arpa"}));
  EXPECT_EQ(options.servers[1].domains, (Words{"6.168.192.in-addr.arpa", "7.168.192.in-addr.arpa"}));
  EXPECT_EQ(options.servers[2].domains, (Words{"d.f.ip6.arpa"}));
}

TEST(DnsmasqOptions, CommentsBeginAtAWordAndQuotesAreLeftOut) {
  const auto options = from_file(
      "# server=10.0.0.9\n server = 10.0.0.1#54 # why\nserver=/a.example/10.0.0.2#53\nconf-file=\"/etc/x y\"\n");
  ASSERT_EQ(options.servers.size(), 2U);
  EXPECT_EQ(options.servers[0].server.to_string(), "10.0.0.1:54");
  EXPECT_EQ(options.files, (Words{"/etc/x y"}));
}

TEST(DnsmasqOptions, WhatChangesTheChoiceAndIsNotUnderstoodIsTold) {
  const auto options =
      from_file("server=/a.example/dns.example\nserver=//10.0.0.1\nserver=/a\nrev-server=x,10.0.0.1\n");
  EXPECT_EQ(options.not_understood.size(), 4U);
  EXPECT_TRUE(options.servers.empty());
}

TEST(DnsmasqOptions, ArgumentsAreLongAndShort) {
  const auto options =
      from_arguments({"-k", "-p", "5353", "-RS10.0.0.1", "--server", "10.0.0.2", "-C", "/x", "--conf-dir=/d,.bak",
                      "--enable-dbus=org.freedesktop.NetworkManager.dnsmasq", "-a", "127.0.0.1,10.0.0.5"});
  ASSERT_EQ(options.servers.size(), 2U);
  EXPECT_TRUE(options.no_resolv);
  EXPECT_TRUE(options.has_main_file);
  EXPECT_TRUE(options.is_for_network_manager);
  EXPECT_EQ(options.files, (Words{"/x"}));
  EXPECT_EQ(options.folders, (Words{"/d,.bak"}));
  EXPECT_EQ(options.listen_addresses, (Words{"127.0.0.1", "10.0.0.5"}));
}

TEST(DnsmasqOptions, FolderFiltersChooseItsFiles) {
  EXPECT_TRUE(is_read_by_dnsmasq("/d", "a.conf"));
  EXPECT_FALSE(is_read_by_dnsmasq("/d", "a.conf~"));
  EXPECT_FALSE(is_read_by_dnsmasq("/d", ".hidden"));
  EXPECT_FALSE(is_read_by_dnsmasq("/d", "#a#"));
  EXPECT_FALSE(is_read_by_dnsmasq("/d,.bak", "a.bak"));
  EXPECT_TRUE(is_read_by_dnsmasq("/d/,*.conf", "a.conf"));
  EXPECT_FALSE(is_read_by_dnsmasq("/d/,*.conf", "a.txt"));
  EXPECT_EQ(dnsmasq_folder("/d,.bak"), "/d");
}

TEST(DnsmasqServers, AnswerIsParsedStrictly) {
  const auto servers = parse_servers_bind(reply_with({"10.66.0.1#53 2 0", "fe80::1%tun0#5353 4 1"}));
  ASSERT_TRUE(servers);
  ASSERT_EQ(servers->size(), 2U);
  EXPECT_EQ((*servers)[0].queries, 2U);
  EXPECT_EQ((*servers)[1].server.to_string(), "[fe80::1%tun0]:5353");
  EXPECT_EQ((*servers)[1].failed, 1U);
  for (const char* wrong :
       {"10.66.0.1#53 2", "10.66.0.1 2 0", "x#53 0 0", "10.66.0.1#53 -1 0", "10.66.0.1#99999 0 0"}) {
    EXPECT_FALSE(parse_servers_bind(reply_with({wrong}))) << wrong;
  }
}

TEST(DnsmasqServers, AnswerToAnotherQuestionIsNone) {
  DnsMessage reply = reply_with({"10.66.0.1#53 2 0"});
  reply.question->name = "version.bind";
  EXPECT_FALSE(parse_servers_bind(reply));
  reply = reply_with({"10.66.0.1#53 2 0"});
  reply.answers[0].dns_class = kDnsClassIn;
  EXPECT_FALSE(parse_servers_bind(reply));
  reply = reply_with({});
  reply.rcode = kDnsRefused;
  EXPECT_FALSE(parse_servers_bind(reply));
}

TEST(DnsmasqServers, ServerThatTheFileDoesNotNameIsADefaultOne) {
  DnsmasqOptions options = from_file("server=/a.example/10.0.0.1\nserver=/b.example/10.0.0.9\nserver=/c.example/#\n");
  const auto live = parse_servers_bind(reply_with({"10.0.0.1#53 1 0", "10.0.0.2#53 2 0"}));
  ASSERT_TRUE(live);
  const auto joined = join_dnsmasq_servers(*live, options);
  ASSERT_EQ(joined.size(), 3U);
  EXPECT_EQ(joined[0].domains, (Words{"a.example"}));
  EXPECT_TRUE(joined[1].domains.empty());
  EXPECT_EQ(joined[2].server.to_string(), "10.0.0.2");
  EXPECT_EQ(joined[2].domains, (Words{"c.example"}));
  EXPECT_EQ(options.not_understood, (Words{"10.0.0.9"}));
}

}  // namespace
}  // namespace vpndoctor
