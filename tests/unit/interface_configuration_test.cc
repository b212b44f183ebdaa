// SPDX-License-Identifier: Apache-2.0
// The texts that programs keep about interfaces: as the real programs wrote them, by hand, and cut everywhere.
#include "vpndoctor/interface_configuration.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace vpndoctor {
namespace {

std::string ways_text(const InterfaceConfiguration& configuration) {
  std::string text;
  for (const ConfiguredWay& way : configuration.ways) {
    text += way.destination.to_string();
    if (way.gateway) text += " via " + way.gateway->to_string();
    if (way.metric) text += fmt::format(" metric {}", *way.metric);
    if (way.table) text += fmt::format(" table {}", *way.table);
    if (way.preferred_source) text += " src " + way.preferred_source->to_string();
    if (way.on_link) text += " onlink";
    text += " # " + way.place + "\n";
  }
  return text;
}

/// dhclient 4.4.3 of Debian 12, with a server that gave options 3 and 121.
constexpr std::string_view kDhclientLease = R"(lease {
  interface "eth0";
  fixed-address 192.0.2.56;
  option subnet-mask 255.255.255.0;
  option routers 192.0.2.1;
  option dhcp-lease-time 3600;
  option rfc3442-classless-static-routes 0,192,0,2,1,16,10,77,192,0,2,3;
  option host-name "a \" } lease { interface \"eth1\"; ";
  renew 5 2026/11/20 22:26:56;
  expire 5 2026/11/20 23:02:19;
}
)";

std::string dhclient_lease(std::string_view statements) {
  return fmt::format("lease {{\n  interface \"eth0\";\n  fixed-address 192.0.2.5;\n{}\n}}\n", statements);
}

TEST(DhclientLeases, ClasslessRoutesOverruleTheRouters) {
  const auto leases = parse_dhclient_leases(kDhclientLease);
  ASSERT_EQ(leases.size(), 1U);
  EXPECT_EQ(leases[0].interface, "eth0");
  EXPECT_EQ(leases[0].addresses.at(0).address.to_string(), "192.0.2.56");
  EXPECT_EQ(leases[0].addresses.at(0).prefix_length, 24);
  EXPECT_EQ(ways_text(leases[0]),
            "0.0.0.0/0 via 192.0.2.1 # line 7, rfc3442-classless-static-routes\n"
            "10.77.0.0/16 via 192.0.2.3 # line 7, rfc3442-classless-static-routes\n");
  using namespace std::chrono;
  EXPECT_EQ(leases[0].expires_at, sys_days(2026y / November / 20) + hours(23) + minutes(2) + seconds(19));
}

TEST(DhclientLeases, SeveralRoutersHaveRisingMetrics) {
  const auto leases = parse_dhclient_leases(dhclient_lease("  option routers 192.0.2.1, 192.0.2.2;\n  expire never;"));
  ASSERT_EQ(leases.size(), 1U);
  EXPECT_EQ(ways_text(leases[0]),
            "0.0.0.0/0 via 192.0.2.1 metric 1 # line 4, routers\n0.0.0.0/0 via 192.0.2.2 metric 2 # line 4, routers\n");
  EXPECT_TRUE(leases[0].never_expires);
}

TEST(DhclientLeases, TheLastLeaseOfAnInterfaceCounts) {
  const std::string text = "default-duid \"\\000\\001\";\n" + dhclient_lease("option routers 192.0.2.9;") +
                           dhclient_lease("option routers 192.0.2.1; expire epoch 1795212416; # Fri Nov 20\n") +
                           "lease { interface \"wlan0\"; fixed-address 198.51.100.7; option routers 198.51.100.1; }";
  const auto leases = parse_dhclient_leases(text);
  ASSERT_EQ(leases.size(), 2U);
  EXPECT_EQ(ways_text(leases[0]), "0.0.0.0/0 via 192.0.2.1 # line 10, routers\n");
  EXPECT_EQ(leases[0].expires_at, std::chrono::system_clock::time_point(std::chrono::seconds(1795212416)));
  EXPECT_EQ(leases[1].interface, "wlan0");
}

TEST(DhclientLeases, ALeaseThatIsCutOffDoesNotCount) {
  for (std::size_t size = 0; size < kDhclientLease.size() - 2; ++size) {
    EXPECT_TRUE(parse_dhclient_leases(kDhclientLease.substr(0, size)).empty()) << size;
  }
  EXPECT_EQ(parse_dhclient_leases(kDhclientLease.substr(0, kDhclientLease.size() - 1)).size(), 1U);
}

TEST(DhclientLeases, ABadListOfRoutesIsSaid) {
  for (const char* list :
       {"33,10,0,0,0,0,192,0,2,1", "24,10,0,0,192,0,2", "256,192,0,2,1", "x", "8,10,192,0,2,9,33,1"}) {
    const auto leases = parse_dhclient_leases(
        dhclient_lease(fmt::format("option rfc3442-classless-static-routes {};\noption routers 192.0.2.1;", list)));
    ASSERT_EQ(leases.size(), 1U) << list;
    EXPECT_EQ(leases[0].not_understood.size(), 1U) << list;
    ASSERT_EQ(leases[0].ways.size(), 1U) << "the routers count, and nothing of the list does: " << list;
    EXPECT_TRUE(leases[0].ways[0].place.ends_with("routers"));
  }
}

TEST(DhclientLeases, DatesThatAreNoneAreNotTold) {
  for (const char* date :
       {"5 2026/13/20 22:26:56", "5 2026/02/30 22:26:56", "5 9999/01/01 00:00:00", "5", "epoch -1"}) {
    const auto leases = parse_dhclient_leases(dhclient_lease(fmt::format("expire {};", date)));
    ASSERT_EQ(leases.size(), 1U) << date;
    EXPECT_FALSE(leases[0].expires_at) << date;
  }
}

/// systemd-networkd 252.
constexpr std::string_view kNetworkdLease = R"(# This is private data. Do not parse.
ADDRESS=192.0.2.56
NETMASK=255.255.255.0
ROUTER=192.0.2.1
LIFETIME=3600
CLASSLESS_ROUTES=0.0.0.0/0,192.0.2.1 10.77.0.0/16,192.0.2.3
CLIENTID=ffcf4568aa
)";

TEST(NetworkdLease, ClasslessRoutesOverruleTheRouter) {
  const auto lease = parse_networkd_lease(kNetworkdLease);
  ASSERT_TRUE(lease) << lease.error().message;
  EXPECT_EQ(
      ways_text(*lease),
      "0.0.0.0/0 via 192.0.2.1 # line 6, CLASSLESS_ROUTES\n10.77.0.0/16 via 192.0.2.3 # line 6, CLASSLESS_ROUTES\n");
  EXPECT_EQ(lease->lifetime, std::chrono::seconds(3600));
  EXPECT_EQ(lease->addresses.at(0).prefix_length, 24);
}

TEST(NetworkdLease, OnlyTheFirstRouterIsADefault) {
  const auto lease = parse_networkd_lease("ADDRESS=192.0.2.5\nROUTER=192.0.2.1 192.0.2.2\n");
  ASSERT_TRUE(lease) << lease.error().message;
  EXPECT_EQ(ways_text(*lease), "0.0.0.0/0 via 192.0.2.1 # line 2, ROUTER\n");
}

TEST(NetworkdLease, NoTruncationGivesARouteThatTheWholeHasNot) {
  const std::string whole = ways_text(*parse_networkd_lease(kNetworkdLease));
  for (std::size_t size = 0; size <= kNetworkdLease.size(); ++size) {
    const auto lease = parse_networkd_lease(kNetworkdLease.substr(0, size));
    if (!lease) continue;
    // A gateway's text that is cut can still be a gateway: only destinations are compared.
    for (const ConfiguredWay& way : lease->ways) {
      EXPECT_NE(whole.find(way.destination.to_string()), std::string::npos) << size;
    }
  }
}

TEST(NetworkFile, StaticRoutesAreRead) {
  const auto file = parse_network_file(R"([Match]
Name=eth0
[Network]
Address=192.0.2.5/24
Gateway=192.0.2.1
; a comment
[Route]
Destination=10.0.0.0/8
Gateway=192.0.2.3
Metric=50
Table=main
PreferredSource=192.0.2.5
[Route]
Gateway=2001:db8::1
GatewayOnLink=yes
[Route]
Gateway=_dhcp4
[DHCPv4]
RouteMetric=77
UseRoutes=false
)");
  EXPECT_EQ(ways_text(file),
            "0.0.0.0/0 via 192.0.2.1 # line 5, Gateway\n"
            "10.0.0.0/8 via 192.0.2.3 metric 50 table 254 src 192.0.2.5 # line 7, [Route]\n"
            "::/0 via 2001:db8::1 onlink # line 13, [Route]\n");
  EXPECT_EQ(file.not_understood.size(), 1U);
  EXPECT_EQ(file.metric, 77U);
  EXPECT_TRUE(file.ignores_lease_routes);
  EXPECT_TRUE(file.ignores_lease_gateway) << "UseGateway= follows UseRoutes= where it is not set";
}

TEST(NetworkFile, TheGatewaySettingOverrulesTheOneForRoutesInAnyOrder) {
  const auto first = parse_network_file("[DHCPv4]\nUseGateway=yes\nUseRoutes=no\n");
  EXPECT_TRUE(first.ignores_lease_routes);
  EXPECT_FALSE(first.ignores_lease_gateway);
  const auto last = parse_network_file("[DHCPv4]\nUseRoutes=yes\nUseGateway=no\n");
  EXPECT_FALSE(last.ignores_lease_routes);
  EXPECT_TRUE(last.ignores_lease_gateway);
}

TEST(NetworkdLinkState, NamesTheFilesThatCount) {
  const auto state = parse_networkd_link_state(
      "NETWORK_FILE=/etc/systemd/network/10.network\nNETWORK_FILE_DROPINS=\"/etc/a.conf\" \"/etc/b.conf\"\n");
  EXPECT_EQ(state.network_file, "/etc/systemd/network/10.network");
  EXPECT_EQ(state.drop_ins, (std::vector<std::string>{"/etc/a.conf", "/etc/b.conf"}));
}

TEST(NetworkManagerConnection, ManualSettingsAreRead) {
  const auto connection = parse_networkmanager_connection(R"([connection]
uuid=5b3ab4a4-0000-4000-8000-000000000001
interface-name=eth0
[ipv4]
method=manual
address1=192.0.2.5/24,192.0.2.1
route1=10.0.0.0/8,192.0.2.3,50
route2=10.9.0.0/16
route2_options=table=100,onlink=true
route3=10.8.0.0/16,192.0.2.3
route3_options=mtu=1400
route-metric=100
[ipv6]
address1=2001:db8::5/64
gateway=2001:db8::1
never-default=true
)");
  EXPECT_EQ(connection.uuid, "5b3ab4a4-0000-4000-8000-000000000001");
  EXPECT_EQ(connection.configuration.interface, "eth0");
  EXPECT_EQ(ways_text(connection.configuration),
            "0.0.0.0/0 via 192.0.2.1 metric 100 # line 6, gateway\n"
            "10.0.0.0/8 via 192.0.2.3 metric 50 # line 7, route1\n10.9.0.0/16 metric 100 table 100 onlink # line 8, "
            "route2\n");
  EXPECT_EQ(connection.configuration.not_understood.size(), 1U);
  EXPECT_EQ(connection.configuration.addresses.size(), 2U);
}

TEST(NetworkManagerConnection, NeverDefaultHoldsForItsLeaseAsWell) {
  const auto of_inet = parse_networkmanager_connection("[ipv4]\nmethod=auto\nnever-default=true\n");
  EXPECT_TRUE(of_inet.configuration.ignores_lease_gateway);
  const auto of_inet6 = parse_networkmanager_connection("[ipv6]\nmethod=auto\nnever-default=true\n");
  EXPECT_FALSE(of_inet6.configuration.ignores_lease_gateway);
}

TEST(NetworkManagerDevice, TellsConnectionAndMetric) {
  const auto device = parse_networkmanager_device(
      "[device]\nmanaged=true\nconnection-uuid=u-1\nroute-metric-default-aspired=100\nroute-metric-default-effective="
      "20100\n");
  EXPECT_EQ(device.connection_uuid, "u-1");
  EXPECT_EQ(device.metric, 20100U);
}

TEST(InterfacesFile, StaticStanzasAndPlainCommandsAreRead) {
  const auto file = parse_interfaces_file(R"(source /etc/network/interfaces.d/*
source-directory extra
auto eth0
iface eth0 inet static
    address 192.0.2.5
    netmask 255.255.255.0
    gateway 192.0.2.1
    metric 7
    up ip route add 10.0.0.0/8 via 192.0.2.3 dev $IFACE metric 50 || true
    post-up ip -6 route add default via 2001:db8::1 \
        dev eth0
    up route add -net 10.9.0.0/16 gw 192.0.2.3
    down ip route del 10.0.0.0/8
# iface eth9 inet static
iface wlan0 inet dhcp
)");
  EXPECT_EQ(file.includes, (std::vector<std::string>{"/etc/network/interfaces.d/*", "extra/*"}));
  ASSERT_EQ(file.interfaces.size(), 2U);
  EXPECT_EQ(ways_text(file.interfaces[0]),
            "0.0.0.0/0 via 192.0.2.1 # line 7, gateway\n10.0.0.0/8 via 192.0.2.3 metric 50 # line 9\n"
            "::/0 via 2001:db8::1 # line 10\n");
  EXPECT_EQ(file.interfaces[0].metric, 7U);
  EXPECT_EQ(file.interfaces[0].addresses.at(0).prefix_length, 24);
  EXPECT_EQ(file.interfaces[0].not_understood.size(), 1U);
  EXPECT_TRUE(file.interfaces[1].ways.empty());
}

TEST(InterfacesFile, CommandsForAnotherInterfaceOrWithUnknownWordsAreNotRead) {
  for (const char* command :
       {"ip route add 10.0.0.0/8 dev eth1", "ip route add 10.0.0.0/8 via 192.0.2.3 mtu 1400", "ip route del 10.0.0.0/8",
        "ip route add 10.0.0.0/8 via", "test -e /x && ip route add 10.0.0.0/8 via 192.0.2.3",
        "ip route add 10.0.0.0/8 via 192.0.2.3; reboot"}) {
    const auto file = parse_interfaces_file(fmt::format("iface eth0 inet manual\n up {}\n", command));
    ASSERT_EQ(file.interfaces.size(), 1U);
    EXPECT_TRUE(file.interfaces[0].ways.empty()) << command;
    EXPECT_EQ(file.interfaces[0].not_understood.size(), 1U) << command;
  }
}

}  // namespace
}  // namespace vpndoctor
