// SPDX-License-Identifier: Apache-2.0
// `scutil --dns` as resolvers: printed and read back, cut anywhere, as people paste it. The dumps are made up after
// those that people showed in bug reports.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "golden.h"
#include "macos_dns_dump.h"
#include "vpndoctor/macos_text.h"
#include "vpndoctor/snapshot_store.h"

namespace vpndoctor {
namespace {

using testing_support::DumpForm;
using testing_support::print_scutil_dns;
using testing_support::random_macos_dns;
using Section = MacosResolver::Section;
using Texts = std::vector<std::string>;

std::string sample(const std::string& name) {
  std::ifstream file(testing_support::source_file("tests/data/macos/" + name), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

MacosDns parsed(const std::string& text) {
  auto dns = parse_macos_scutil_dns(text);
  EXPECT_TRUE(dns.has_value()) << text;
  return dns.value_or(MacosDns());
}

/// One resolver, without complaints.
MacosResolver only_resolver(const std::string& text) {
  MacosDns dns = parsed("DNS configuration\n\nresolver #1\n" + text);
  EXPECT_EQ(dns.not_understood, Texts()) << text;
  return dns.resolvers.at(0);
}

TEST(MacosScutil, WhatIsPrintedIsReadBack) {
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    std::mt19937_64 random(seed);
    const MacosDns drawn = random_macos_dns(random);
    const std::string dump = print_scutil_dns(drawn);
    const DumpForm form{.debug = seed % 2 == 0,
                        .old_reach = seed % 3 == 0,
                        .left_aligned = seed % 5 == 0,
                        .line_end = seed % 7 == 0 ? "\r\n" : "\n"};
    const MacosDns read = parsed(print_scutil_dns(drawn, form));
    ASSERT_EQ(read.not_understood, Texts()) << dump;
    ASSERT_EQ(print_scutil_dns(read), dump) << "seed " << seed;
    for (std::size_t i = 0; i < read.resolvers.size(); ++i) {
      ASSERT_EQ(read.resolvers[i].servers, drawn.resolvers[i].servers) << "the servers have the port; seed " << seed;
    }
  }
}

TEST(MacosScutil, CutAnywhereItHasWhatStandsBefore) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20; ++round) {
    const std::string dump = print_scutil_dns(random_macos_dns(random));
    std::size_t most = 0;
    for (std::size_t length = 0; length <= dump.size(); ++length) {
      const auto cut = parse_macos_scutil_dns(dump.substr(0, length));
      if (!cut) continue;
      ASSERT_GE(cut->resolvers.size(), most);
      ASSERT_LE(cut->not_understood.size(), 1U) << "only the line that is cut";
      most = cut->resolvers.size();
    }
  }
}

TEST(MacosScutil, AFullTunnelStandsBeforeTheNetwork) {
  const MacosDns dns = parsed(sample("dns/full-tunnel.txt"));
  EXPECT_EQ(dns.not_understood, Texts());
  ASSERT_EQ(dns.resolvers.size(), 5U);
  const MacosResolver& vpn = dns.resolvers[0];
  EXPECT_EQ(vpn.domain, "");
  EXPECT_EQ(vpn.search, Texts{"corp.example"});
  ASSERT_EQ(vpn.servers.size(), 2U);
  EXPECT_EQ(vpn.servers[1].to_string(), "fd00:7::53");
  EXPECT_EQ(vpn.interface, "utun8");
  EXPECT_EQ(vpn.interface_index, 35);
  EXPECT_EQ(vpn.flags, (Texts{"Supplemental", "Request A records", "Request AAAA records"}));
  EXPECT_EQ(vpn.reach, (Texts{"Reachable", "Transient Connection"}));
  EXPECT_EQ(vpn.order, 103200U);
  EXPECT_EQ(dns.resolvers[2].options, "mdns");
  EXPECT_EQ(dns.resolvers[2].timeout_seconds, 5U);
  EXPECT_EQ(dns.resolvers[3].section, Section::kScoped);
  EXPECT_EQ(dns.resolvers[3].number, 1U);
}

TEST(MacosScutil, EverySampleIsUnderstood) {
  for (const char* name :
       {"dns/full-tunnel.txt", "split/scutil-dns.txt", "dns/old-release.txt", "dns/service-specific.txt"}) {
    const MacosDns dns = parsed(sample(name));
    EXPECT_EQ(dns.not_understood, Texts()) << name;
    EXPECT_GE(dns.resolvers.size(), 3U) << name;
  }
}

TEST(MacosScutil, OldReleasesPrintReachabilityWithoutNumberOrName) {
  const MacosDns dns = parsed(sample("dns/old-release.txt"));
  EXPECT_EQ(dns.resolvers[0].reach, (Texts{"Reachable", "Directly Reachable Address"}));
  EXPECT_EQ(dns.resolvers[1].options, "pdns");
  EXPECT_EQ(dns.resolvers[2].reach, Texts());
  EXPECT_EQ(only_resolver("Not Reachable\n").reach, Texts{"Not Reachable"});
}

TEST(MacosScutil, ServiceSpecificResolversAreNotTakenForScopedOnes) {
  const MacosDns dns = parsed(sample("dns/service-specific.txt"));
  EXPECT_EQ(dns.resolvers.back().section, Section::kServiceSpecific);
  EXPECT_EQ(dns.resolvers.back().service_identifier, 46U);
  for (const MacosResolver& each : dns.resolvers) EXPECT_NE(each.section, Section::kScoped);
}

TEST(MacosScutil, FieldsHaveTheirEdges) {
  EXPECT_EQ(only_resolver("  flags    : \n").flags, Texts());
  EXPECT_EQ(only_resolver("  domain   : TS.net.\n").domain, "ts.net");
  EXPECT_EQ(only_resolver("  domain   : caf\xc3\xa9.example\n").domain, "caf\xc3\xa9.example");
  EXPECT_EQ(only_resolver("  domain   : \n").domain, "");
  EXPECT_EQ(only_resolver("  nameserver[0] : fe80::1%en0\n").servers.at(0).to_string(), "fe80::1%en0");
  EXPECT_EQ(only_resolver("  nameserver[0] : 10.0.0.1\n  port     : 5300\n").servers.at(0).to_string(),
            "10.0.0.1:5300");
  EXPECT_EQ(only_resolver("  port     : -12001\n").port, 53535);
  EXPECT_EQ(only_resolver("  order    : -1\n").order, 4294967295U);
  const MacosResolver gone = only_resolver("  if_index : 17 (?)\n");
  EXPECT_EQ(gone.interface_index, 17);
  EXPECT_EQ(gone.interface, "");
  EXPECT_EQ(only_resolver("  flags    : 0x00001006 (Scoped, Request A records, 0x00000800)\n").flags,
            (Texts{"Scoped", "Request A records", "0x00000800"}));
}

TEST(MacosScutil, FlagsTellTheSectionWhereTheHeadingWasLost) {
  EXPECT_EQ(parsed("resolver #2\n flags : Scoped, Request A records\n").resolvers.at(0).section, Section::kScoped);
  EXPECT_EQ(parsed("resolver #2\n flags : Supplemental\n").resolvers.at(0).section, Section::kUnscoped);
}

TEST(MacosScutil, WhatIsNoSuchValueIsSaidNotGuessed) {
  const std::string long_name(1010, 'a');
  for (const std::string& line : std::initializer_list<std::string>{
           "nameserver[0] : <dns1>", "nameserver[0] : 10.0.0.1:53", "nameserver[0] : 10.0.0.1#name",
           "nameserver[0] : fe80::1%", "port : 70000", "order : x", "if_index : en0", "[...]", "colour : red",
           "domain : " + long_name, "flags : \x1b[31m" + std::string(99, 'x'), "options : " + long_name}) {
    const MacosDns dns = parsed("DNS configuration\nresolver #1\n" + line + "\n");
    ASSERT_EQ(dns.not_understood.size(), 1U) << line;
    EXPECT_EQ(dns.not_understood[0].find('\x1b'), std::string::npos);
    EXPECT_TRUE(dns.resolvers.at(0).servers.empty());
  }
}

TEST(MacosScutil, WhatIsNoDumpIsNone) {
  for (const char* text : {"", "\n\n", "nameserver 10.0.0.1\n", "scutil: command not found\n", "\xff\xfe\x00"}) {
    EXPECT_FALSE(parse_macos_scutil_dns(text)) << text;
  }
  EXPECT_FALSE(parsed("No DNS configuration available\n").has_configuration);
  EXPECT_EQ(parsed("% scutil --dns\nDNS configuration\nresolver #1\n").not_understood, Texts());
}

TEST(MacosScutil, OnlyTheFirstDumpCounts) {
  const MacosDns dns = parsed(sample("dns/full-tunnel.txt") + sample("split/scutil-dns.txt"));
  EXPECT_EQ(dns.resolvers.size(), 5U);
  EXPECT_EQ(dns.not_understood.size(), 1U);
}

TEST(MacosScutil, HugeInputIsBounded) {
  std::string text = "DNS configuration\n";
  for (int i = 0; i < 20000; ++i) text += "resolver #1\n nameserver[0] : 10.0.0.1\n search domain[0] : a\n junk\n";
  const MacosDns dns = parsed(text);
  EXPECT_LE(dns.resolvers.size(), 512U);
  EXPECT_LE(dns.not_understood.size(), 20U);
  std::string one = "DNS configuration\nresolver #1\n";
  for (int i = 0; i < 100000; ++i) one += "nameserver[0] : 10.0.0.1\n";
  EXPECT_LE(parsed(one).resolvers.at(0).servers.size(), 64U);
}

TEST(MacosCaptures, AFolderWithOnlyScutilIsASnapshot) {
  const auto snapshot = load_snapshot(testing_support::source_file("tests/data/macos/split"));
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_EQ(snapshot->platform, Platform::kMacos);
  ASSERT_TRUE(snapshot->dns.macos.is_known());
  EXPECT_EQ(snapshot->dns.macos.source(), "scutil --dns in scutil-dns.txt");
  EXPECT_FALSE(snapshot->routes.is_known());
  ASSERT_TRUE(snapshot->dns.resolv_conf.is_known());
  EXPECT_EQ(snapshot->dns.resolv_conf->used_servers, std::vector{*DnsServer::parse("192.0.2.1")});
  EXPECT_TRUE(is_tunnel(*snapshot, "utun4")) << "it has a DNS server";
  EXPECT_FALSE(is_tunnel(*snapshot, "utun0"));
}

}  // namespace
}  // namespace vpndoctor
