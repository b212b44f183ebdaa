// SPDX-License-Identifier: Apache-2.0
// Where the files of each program lie, below a folder that stands for the machine's root.
#include "vpndoctor/read_configured_state.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "machine.h"
#include "root_folder.h"

namespace vpndoctor {
namespace {

using testing_support::Machine;
using Root = testing_support::RootFolder;

/// eth0 (index 2) with 192.0.2.5/24, at the present time: leases are dated by their files.
Snapshot host() {
  Machine machine;
  machine.link("eth0").address("eth0", "192.0.2.5/24");
  Snapshot now = machine.snapshot();
  now.taken_at = std::chrono::system_clock::now();
  return now;
}

/// Where the routes come from, a line each.
std::string sources(const ConfiguredState& state) {
  std::string text;
  for (const ConfiguredRoute& route : state.routes) text += route.source + "\n";
  return text;
}

constexpr const char* kLease = "ADDRESS=192.0.2.5\nNETMASK=255.255.255.0\nROUTER=192.0.2.1\nLIFETIME=3600\n";

TEST(ReadConfiguredState, NothingIsThereOnAnEmptyMachine) {
  const Root root;
  const auto state = read_configured_state(host(), root.path());
  EXPECT_TRUE(state.routes.empty());
  ASSERT_EQ(state.not_read.size(), 1U);
  EXPECT_NE(state.not_read[0].find("no configuration found for eth0"), std::string::npos);
}

TEST(ReadConfiguredState, NetworkdLeaseAndSettingsAreFoundByIndex) {
  Root root;
  root.file("/run/systemd/netif/leases/2", kLease)
      .file("/run/systemd/netif/leases/9", kLease)
      .file("/run/systemd/netif/links/2",
            "NETWORK_FILE=/etc/systemd/network/a.network\nNETWORK_FILE_DROPINS=\"/etc/systemd/network/a.network.d/"
            "b.conf\"\n")
      .file("/etc/systemd/network/a.network",
            "[Network]\nDHCP=yes\n[Route]\nDestination=10.0.0.0/8\nGateway=192.0.2.3\n")
      .file("/etc/systemd/network/a.network.d/b.conf", "[DHCPv4]\nRouteMetric=77\n");
  const auto state = read_configured_state(host(), root.path());
  EXPECT_EQ(sources(state),
            "lease /run/systemd/netif/leases/2, line 3, ROUTER\n/etc/systemd/network/a.network, line 3, [Route]\n");
  EXPECT_EQ(state.routes.at(0).route.route.metric, 77U);
  EXPECT_EQ(state.routes.at(0).confidence, Confidence::kProven) << "the file's time and LIFETIME tell the end";
}

TEST(ReadConfiguredState, ALeaseWhoseFileIsOldHasExpired) {
  Root root;
  root.file("/run/systemd/netif/leases/2", kLease);
  const std::string path = root.path() + "/run/systemd/netif/leases/2";
  std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
  const auto state = read_configured_state(host(), root.path());
  EXPECT_TRUE(state.routes.empty());
  EXPECT_EQ(state.not_read.size(), 1U);
}

TEST(ReadConfiguredState, NetworkManagerConnectionIsFoundByItsIdentifier) {
  Root root;
  root.file("/run/NetworkManager/devices/2", "[device]\nconnection-uuid=u-1\nroute-metric-default-effective=20100\n")
      .file("/etc/NetworkManager/system-connections/a.nmconnection",
            "[connection]\nuuid=u-2\n[ipv4]\naddress1=192.0.2.5/24,192.0.2.9\n")
      .file("/etc/NetworkManager/system-connections/b.nmconnection",
            "[connection]\nuuid=u-1\n[ipv4]\naddress1=192.0.2.5/24,192.0.2.1\n")
      .file("/var/lib/NetworkManager/internal-u-1-eth0.lease", "ADDRESS=192.0.2.5\n");
  const auto state = read_configured_state(host(), root.path());
  EXPECT_EQ(sources(state), "/etc/NetworkManager/system-connections/b.nmconnection, line 4, gateway\n");
  EXPECT_EQ(state.routes.at(0).route.route.metric, 20100U);
  EXPECT_EQ(state.not_read.size(), 1U) << "the lease holds no route, which is said";
}

TEST(ReadConfiguredState, NetworkManagerWithDhclientHasItsLeaseApart) {
  Root root;
  const std::string lease =
      "lease {\n interface \"eth0\";\n fixed-address 192.0.2.5;\n option routers 192.0.2.1;\n expire never;\n}\n";
  root.file("/run/NetworkManager/devices/2", "[device]\nconnection-uuid=u-1\n")
      .file("/var/lib/NetworkManager/dhclient-u-1-eth0.lease", lease);
  const auto state = read_configured_state(host(), root.path());
  ASSERT_EQ(state.routes.size(), 1U);
  EXPECT_EQ(state.routes[0].route.route.protocol, kProtocolDhcp);
  EXPECT_EQ(state.routes[0].route.route.metric, 100U);
}

TEST(ReadConfiguredState, DhclientLeasesAreFoundInEveryFolder) {
  const std::string lease =
      "lease {{\n interface \"eth0\";\n fixed-address 192.0.2.5;\n option routers 192.0.2.{};\n expire never;\n}}\n";
  Root root;
  root.file("/var/lib/dhcp/dhclient.eth0.leases", fmt::format(fmt::runtime(lease), 1))
      .file("/var/lib/dhclient/dhclient--eth0.leases", fmt::format(fmt::runtime(lease), 2))
      .file("/var/lib/dhcp/other.leases", fmt::format(fmt::runtime(lease), 3));
  const auto state = read_configured_state(host(), root.path());
  EXPECT_EQ(sources(state), "lease /var/lib/dhcp/dhclient.eth0.leases, line 4, routers\n");
  ASSERT_EQ(state.not_read.size(), 1U) << "an interface has one lease";
  EXPECT_NE(state.not_read[0].find("/var/lib/dhclient/dhclient--eth0.leases"), std::string::npos);
}

TEST(ReadConfiguredState, DhcpcdLeasesAreThoseOfTheInterface) {
  std::string message(236, '\0');
  message.replace(16, 4, "\xc0\x00\x02\x05", 4);
  message += std::string("\x63\x82\x53\x63\x03\x04\xc0\x00\x02\x01\x33\x04\x00\x00\x0e\x10\xff", 17);
  Root root;
  root.file("/var/lib/dhcpcd/eth0-Cafe.lease", message)
      .file("/var/lib/dhcpcd/eth01.lease", message)
      .file("/var/lib/dhcpcd/eth0.lease6", message)
      .file("/var/lib/dhcpcd/eth0.lease", message.substr(0, 245));
  const auto state = read_configured_state(host(), root.path());
  EXPECT_EQ(sources(state), "lease /var/lib/dhcpcd/eth0-Cafe.lease, option 3\n");
  EXPECT_EQ(state.not_read.size(), 1U) << "the one that is cut off";
}

TEST(ReadConfiguredState, IfupdownFollowsItsIncludes) {
  Root root;
  root.file("/etc/network/interfaces", "source interfaces.d/*\nsource /etc/network/interfaces\n")
      .file("/etc/network/interfaces.d/a", "iface eth0 inet static\n address 192.0.2.5/24\n gateway 192.0.2.1\n")
      .file("/etc/network/interfaces.d/b", "iface eth1 inet static\n address 192.0.2.6/24\n gateway 192.0.2.1\n");
  const auto state = read_configured_state(host(), root.path());
  EXPECT_EQ(sources(state), "/etc/network/interfaces.d/a, line 3, gateway\n");
}

TEST(ReadConfiguredState, WhatIsNoFileOrTooLargeIsNotRead) {
  Root root;
  root.file("/var/lib/dhcp/dhclient.a.leases", std::string((4U << 20U) + 1, '\n'));
  ASSERT_EQ(mkfifo((root.path() + "/var/lib/dhcp/dhclient.b.leases").c_str(), 0600), 0);
  std::filesystem::create_directories(root.path() + "/run/systemd/netif/leases/2");
  const auto state = read_configured_state(host(), root.path());
  EXPECT_TRUE(state.routes.empty());
  EXPECT_EQ(state.not_read.size(), 2U) << "the large one, and that nothing was found for eth0";
}

}  // namespace
}  // namespace vpndoctor
