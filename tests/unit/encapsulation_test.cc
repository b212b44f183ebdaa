// SPDX-License-Identifier: Apache-2.0
// The arithmetic of tunnels against published numbers, and against a search for the largest packet that fits.
#include "encapsulation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

namespace vpndoctor {
namespace {

const TunnelEncapsulation& named(std::string_view name) {
  const auto all = all_encapsulations();
  const auto found = std::ranges::find(all, name, &TunnelEncapsulation::name);
  EXPECT_NE(found, all.end()) << name;
  return found == all.end() ? all.front() : *found;
}

bool explains(std::uint32_t mtu, std::string_view words) {
  return std::ranges::any_of(explain_mtu(mtu), [&](const EncapsulationMatch& match) {
    return explanation_text(mtu, match).find(words) != std::string::npos;
  });
}

TEST(Encapsulation, YieldsThePublishedInnerMtuOverEthernet) {
  struct {
    std::string_view name;
    std::uint32_t inner;
  } const published[] = {
      {"WireGuard over IPv4", 1440},
      {"WireGuard over IPv6", 1420},
      {"OpenVPN UDP, AES-GCM or ChaCha20 over IPv4", 1448},
      {"OpenVPN UDP, AES-GCM or ChaCha20 over IPv6", 1428},
      {"OpenVPN 2.7 UDP, epoch format over IPv4", 1444},
      {"OpenVPN 2.7 UDP, epoch format over IPv6", 1424},
      {"IPsec ESP tunnel, AES-GCM over IPv4", 1446},
      {"IPsec ESP tunnel, AES-GCM over IPv6", 1426},
      {"IPsec ESP tunnel with NAT-T, AES-GCM over IPv4", 1438},
      {"IPsec ESP tunnel with NAT-T, AES-GCM over IPv6", 1418},
      {"IPsec ESP tunnel, AES-CBC and SHA-256 over IPv4", 1438},
      {"IPsec ESP tunnel with NAT-T, AES-CBC and SHA-256 over IPv4", 1422},
      {"GRE over IPv4", 1476},
      {"GRE with key over IPv4", 1472},
      {"GRE over IPv6", 1456},
      {"GRE over IPv6 with encapsulation limit", 1448},
      {"IPIP or 6in4", 1480},
      {"IP in IPv6 (DS-Lite)", 1460},
      {"VXLAN over IPv4", 1450},
      {"VXLAN over IPv6", 1430},
      {"PPPoE", 1492},
  };
  for (const auto& entry : published) EXPECT_EQ(inner_mtu_bytes(named(entry.name), 1500), entry.inner) << entry.name;
}

/// What the encapsulation makes of an inner packet, written from the packet formats.
std::uint32_t outer_size(const TunnelEncapsulation& encapsulation, std::uint32_t inner) {
  const std::uint32_t payload = inner + encapsulation.trailer_bytes;
  const std::uint32_t blocks = (payload + encapsulation.alignment_bytes - 1) / encapsulation.alignment_bytes;
  return encapsulation.fixed_bytes + blocks * encapsulation.alignment_bytes;
}

TEST(Encapsulation, InnerMtuIsTheLargestPacketThatFits) {
  for (const auto& encapsulation : all_encapsulations()) {
    for (std::uint32_t outer = 576; outer <= 9000; ++outer) {
      const auto inner = inner_mtu_bytes(encapsulation, outer);
      ASSERT_TRUE(inner);
      ASSERT_LE(outer_size(encapsulation, *inner), outer) << encapsulation.name;
      ASSERT_GT(outer_size(encapsulation, *inner + 1), outer) << encapsulation.name;
      ASSERT_EQ(overhead_bytes(encapsulation, outer), outer - *inner);
    }
  }
}

TEST(Encapsulation, HasNoInnerMtuWhereNothingFits) {
  EXPECT_EQ(inner_mtu_bytes(named("WireGuard over IPv4"), 60), std::nullopt);
  EXPECT_EQ(inner_mtu_bytes(named("WireGuard over IPv4"), 61), 1U);
  EXPECT_EQ(inner_mtu_bytes(named("IPsec ESP tunnel, AES-GCM over IPv4"), 55), std::nullopt);
  EXPECT_EQ(overhead_bytes(named("PPPoE"), 0), std::nullopt);
}

TEST(Encapsulation, OfAWireguardInterfaceDependsOnTheOuterFamily) {
  EXPECT_EQ(encapsulation_of("wireguard", Family::kInet)->fixed_bytes, 60U);
  EXPECT_EQ(encapsulation_of("wireguard", Family::kInet6)->fixed_bytes, 80U);
  EXPECT_EQ(inner_mtu_bytes(*encapsulation_of("wireguard", Family::kInet), 1400), 1340U);
}

TEST(Encapsulation, OfAnUnknownTunnelIsNotGuessed) {
  EXPECT_EQ(encapsulation_of("tun", Family::kInet), nullptr);
  EXPECT_EQ(encapsulation_of("", Family::kInet), nullptr);
  EXPECT_EQ(encapsulation_of("xfrm", Family::kInet), nullptr);
  EXPECT_EQ(encapsulation_of("ppp", Family::kInet), nullptr);
}

TEST(Explanations, NameTheWellKnownNumbers) {
  struct {
    std::uint32_t mtu;
    std::string_view words;
  } const known[] = {
      {1420, "1420 = 1500 - 80: WireGuard over IPv6"},
      {1440, "1440 = 1500 - 60: WireGuard over IPv4"},
      {1492, "1492 = 1500 - 8: PPPoE"},
      {1480, "1480 = 1500 - 20: IPIP or 6in4"},
      {1476, "1476 = 1500 - 24: GRE over IPv4"},
      {1432, "1432 = 1492 - 60: WireGuard over IPv4 on PPPoE"},
      {1412, "1412 = 1492 - 80: WireGuard over IPv6 on PPPoE"},
      {1380, "1380 = 1460 - 80: WireGuard over IPv6 on Google Cloud"},
      {1370, "1370 = 1450 - 80: WireGuard over IPv6 on VXLAN"},
      {1446, "IPsec ESP tunnel, AES-GCM over IPv4"},
      {1438, "IPsec ESP tunnel with NAT-T, AES-GCM over IPv4"},
      {1422, "AES-CBC and SHA-256"},
      {1472, "ping payload"},
      {1406, "Cisco"},
      {1280, "minimum of IPv6"},
      {1500, "Ethernet"},
  };
  for (const auto& entry : known) EXPECT_TRUE(explains(entry.mtu, entry.words)) << entry.mtu << " " << entry.words;
}

TEST(Explanations, AreExactOrAbsent) {
  for (std::uint32_t mtu = 68; mtu <= 9100; ++mtu)
    for (const auto& match : explain_mtu(mtu))
      ASSERT_TRUE(match.underlay_bytes == 0 || match.underlay_bytes - match.overhead_bytes == mtu) << match.name;
  EXPECT_TRUE(explain_mtu(1371).empty());
}

TEST(Explanations, PreferTheTunnelThatIsThere) {
  const auto plain = explain_mtu(1438);
  EXPECT_FALSE(plain.front().likely);
  const auto by_kind = explain_mtu(1380, "wireguard");
  ASSERT_FALSE(by_kind.empty());
  EXPECT_TRUE(by_kind.front().likely);
  EXPECT_EQ(explanation_text(1380, by_kind.front()), "1380 = 1460 - 80: WireGuard over IPv6 on Google Cloud");
}

TEST(TunnelMtu, OverAPathOfOneFamilyListsTunnelsOfThatFamily) {
  const auto tunnels = tunnel_mtus_over(1400, Family::kInet);
  ASSERT_FALSE(tunnels.empty());
  EXPECT_EQ(tunnels.front().name, "WireGuard over IPv4");
  EXPECT_EQ(tunnels.front().interface_mtu_bytes, 1340U);
  EXPECT_EQ(tunnel_mtus_over(1400, Family::kInet6).front().interface_mtu_bytes, 1320U);
  for (const auto& tunnel : tunnel_mtus_over(1500, Family::kInet6))
    EXPECT_EQ(tunnel.interface_mtu_bytes + tunnel.overhead_bytes, 1500U);
}

TEST(TunnelMtu, IsJudgedByWhatIsSpare) {
  EXPECT_EQ(judge_tunnel_mtu(1), TunnelMtuFit::kTooLarge);
  EXPECT_EQ(judge_tunnel_mtu(0), TunnelMtuFit::kExact);
  EXPECT_EQ(judge_tunnel_mtu(-32), TunnelMtuFit::kExact);
  EXPECT_EQ(judge_tunnel_mtu(-33), TunnelMtuFit::kCouldBeRaised);
}

TEST(TcpMss, IsTheMtuLessTheHeadersOfTheFamily) {
  EXPECT_EQ(tcp_mss_for(1400, Family::kInet), 1360U);
  EXPECT_EQ(tcp_mss_for(1400, Family::kInet6), 1340U);
  EXPECT_EQ(tcp_mss_for(1279, Family::kInet6), std::nullopt);
  EXPECT_EQ(tcp_mss_for(67, Family::kInet), std::nullopt);
  EXPECT_EQ(tcp_mss_for(68, Family::kInet), 28U);
}

}  // namespace
}  // namespace vpndoctor
