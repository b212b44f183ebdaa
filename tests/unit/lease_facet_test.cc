// SPDX-License-Identifier: Apache-2.0
// The leases facet: what each DHCP client's files say, and nothing that is no lease.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "leak_facets.h"
#include "machine.h"
#include "root_folder.h"

namespace vpndoctor {
namespace {

using testing_support::Machine;
using testing_support::RootFolder;

/// eth0 (index 2) with 192.0.2.5/24.
Snapshot host() {
  Machine machine;
  machine.link("eth0").address("eth0", "192.0.2.5/24");
  return machine.snapshot();
}

std::string ways_of(const InterfaceConfiguration& lease) {
  std::string text = lease.source + ":";
  for (const ConfiguredWay& way : lease.ways) {
    text += " " + way.destination.to_string() + " via " + (way.gateway ? way.gateway->to_string() : "-");
  }
  return text;
}

TEST(LeaseFacet, NoFileIsNoLease) {
  const RootFolder root;
  const auto leases = read_leases(host(), root.path());
  EXPECT_TRUE(leases.is_complete());
  EXPECT_TRUE(leases->empty());
  EXPECT_FALSE(read_leases(Snapshot(), root.path()).is_known());
}

TEST(LeaseFacet, EachClientsClasslessRoutesAreRead) {
  RootFolder root;
  std::string message(240, '\0');
  message[0] = 2;
  message.replace(16, 4, "\xc0\x00\x02\x05");
  message.replace(236, 4, "\x63\x82\x53\x63");
  message += std::string("\x79\x06\x01\x80\xc0\x00\x02\x42", 8) + '\xff';
  root.file("/run/systemd/netif/leases/2", "ADDRESS=192.0.2.5\nROUTES=0.0.0.0/1,192.0.2.66\nLIFETIME=60\n")
      .file("/run/NetworkManager/devices/2", "[device]\nconnection-uuid=u-1\n")
      .file("/var/lib/NetworkManager/internal-u-1-eth0.lease", "ADDRESS=192.0.2.5\nROUTES=0.0.0.0/1,192.0.2.66\n")
      .file("/var/lib/dhcpcd/eth0.lease", message)
      .file("/var/lib/dhcp/dhclient.eth0.leases",
            "lease {\n interface \"eth0\";\n fixed-address 192.0.2.5;\n option routers 192.0.2.1;\n"
            " option rfc3442-classless-static-routes 1,128,192,0,2,66;\n expire never;\n}\n");
  const auto leases = read_leases(host(), root.path());
  ASSERT_TRUE(leases.is_known());
  EXPECT_TRUE(leases.limits().empty()) << leases.limits()[0];
  std::string all;
  for (const InterfaceConfiguration& each : *leases) {
    EXPECT_TRUE(each.is_lease);
    EXPECT_EQ(each.interface, "eth0");
    all += ways_of(each) + "\n";
  }
  EXPECT_EQ(all,
            "/run/systemd/netif/leases/2: 0.0.0.0/1 via 192.0.2.66\n"
            "/var/lib/NetworkManager/internal-u-1-eth0.lease: 0.0.0.0/1 via 192.0.2.66\n"
            "/var/lib/dhcpcd/eth0.lease: 128.0.0.0/1 via 192.0.2.66\n"
            "/var/lib/dhcp/dhclient.eth0.leases: 128.0.0.0/1 via 192.0.2.66\n");
}

TEST(LeaseFacet, SettingsAndForeignInterfacesAreNoLeases) {
  RootFolder root;
  root.file("/run/systemd/netif/links/2", "NETWORK_FILE=/etc/systemd/network/a.network\n")
      .file("/etc/systemd/network/a.network", "[Route]\nDestination=10.0.0.0/8\nGateway=192.0.2.3\n")
      .file("/etc/network/interfaces", "iface eth0 inet static\n address 192.0.2.5/24\n gateway 192.0.2.1\n")
      .file("/var/lib/dhcp/dhclient.leases",
            "lease {\n interface \"wlan7\";\n fixed-address 192.0.2.5;\n expire never;\n}\n");
  const auto leases = read_leases(host(), root.path());
  EXPECT_TRUE(leases.is_complete());
  EXPECT_TRUE(leases->empty());
}

TEST(LeaseFacet, AnAddressThatExpiresAndHasNoLeaseIsSaid) {
  const RootFolder root;
  Snapshot now = host();
  now.addresses->back().valid_seconds = 600;
  const auto leases = read_leases(now, root.path());
  ASSERT_EQ(leases.limits().size(), 1U);
  EXPECT_NE(leases.limits()[0].find("eth0"), std::string::npos);
}

TEST(LeaseFacet, AFileThatCannotBeUnderstoodIsSaid) {
  RootFolder root;
  root.file("/var/lib/dhcpcd/eth0.lease", "no message");
  const auto leases = read_leases(host(), root.path());
  EXPECT_TRUE(leases->empty());
  EXPECT_EQ(leases.limits().size(), 1U);
}

}  // namespace
}  // namespace vpndoctor
