// SPDX-License-Identifier: Apache-2.0
// What single messages do to a watched state: recorded shapes that a test network cannot make.
#include "watched_state.h"

#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace vpndoctor {
namespace {

/// The payload of a message: its fixed header, then attributes.
class Payload {
 public:
  template <class Header>
  explicit Payload(const Header& header) {
    append(&header, sizeof header);
  }
  Payload& attribute(std::uint16_t type, std::string_view bytes) {
    const rtattr head{static_cast<std::uint16_t>(sizeof(rtattr) + bytes.size()), type};
    append(&head, sizeof head);
    append(bytes.data(), bytes.size());
    bytes_.resize((bytes_.size() + 3) / 4 * 4);
    return *this;
  }
  template <class T>
  Payload& number(std::uint16_t type, T value) {
    return attribute(type, {reinterpret_cast<const char*>(&value), sizeof value});
  }
  operator Bytes() const { return bytes_; }
  std::string text() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }

 private:
  void append(const void* from, std::size_t size) {
    const auto* bytes = static_cast<const std::byte*>(from);
    bytes_.insert(bytes_.end(), bytes, bytes + size);
  }
  std::vector<std::byte> bytes_;
};

Snapshot with_link(const char* name) {
  Snapshot snapshot;
  Link link;
  link.index = 3;
  link.name = name;
  link.flags = kLinkUp | kLinkRunning;
  link.mtu_bytes = 1500;
  snapshot.links = Observed<std::vector<Link>>({link}, "test");
  snapshot.addresses = Observed<std::vector<Address>>({}, "test");
  snapshot.routes = Observed<RouteTable>(RouteTable{}, "test");
  snapshot.rules = Observed<std::vector<Rule>>({}, "test");
  snapshot.next_hop_objects = Observed<std::vector<NextHopObject>>({}, "test");
  return snapshot;
}

ifinfomsg link_header(unsigned flags) {
  ifinfomsg header{};
  header.ifi_index = 3;
  header.ifi_flags = flags;
  return header;
}

TEST(WatchedState, AWirelessEventSaysNothingOfTheLink) {
  WatchedState state(with_link("wlan0"));
  std::vector<RouteEvent> events;
  const Payload wireless =
      Payload(link_header(0)).attribute(IFLA_IFNAME, {"wlan0", 6}).attribute(IFLA_WIRELESS, "\x08\x00\x01\x8b");
  state.apply(RTM_NEWLINK, 0, wireless, events);
  EXPECT_TRUE(events.empty()) << events.front().text;
  EXPECT_EQ(state.why_read_again(), "");
  EXPECT_EQ(state.snapshot().find_link("wlan0")->mtu_bytes, 1500U);
}

TEST(WatchedState, AnotherLinkEventIsTold) {
  WatchedState state(with_link("wlan0"));
  std::vector<RouteEvent> events;
  const Payload message = Payload(link_header(IFF_UP | IFF_RUNNING))
                              .attribute(IFLA_IFNAME, {"wlan0", 6})
                              .number(IFLA_MTU, std::uint32_t{1400});
  state.apply(RTM_NEWLINK, 0, message, events);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events.front().text, "wlan0 changed its MTU from 1500 to 1400");
}

TEST(WatchedState, LostEventsOutrankEveryOtherDoubt) {
  WatchedState state(with_link("eth0"));
  state.doubt("eth0 went down");
  EXPECT_EQ(state.why_read_again(), "eth0 went down");
  state.lose_events();
  EXPECT_EQ(state.why_read_again(), "events were lost");
  std::size_t differences = 99;
  state.take_reading(with_link("eth0"), [&](std::size_t count) { differences = count; }, [](const RouteEvent&) {});
  EXPECT_EQ(differences, 0U);
  EXPECT_EQ(state.why_read_again(), "");
  EXPECT_FALSE(state.has_lost_events());
}

TEST(WatchedState, AReadingIsToldPieceByPieceAfterItsCount) {
  Snapshot fresh = with_link("eth0");
  RouteTable& table = *fresh.routes;
  table.next_hop_sets = {
      {{NextHop{.gateway = {}, .interface = "eth0", .weight = 1, .flags = 0, .encapsulation = {}}}, {}}};
  table.attribute_sets.emplace_back();
  for (unsigned i = 0; i < 5; ++i) {
    Route route;
    route.destination = IpPrefix::parse("10." + std::to_string(i) + ".0.0/16").value();
    table.routes.push_back(route);
  }
  WatchedState state(with_link("eth0"));
  std::vector<std::string> told;
  state.take_reading(
      std::move(fresh), [&](std::size_t count) { told.push_back(std::to_string(count)); },
      [&](const RouteEvent& event) { told.push_back(event.entry); });
  ASSERT_EQ(told.size(), 6U);
  EXPECT_EQ(told[0], "5");
  EXPECT_TRUE(told[1].starts_with("10.0.0.0/16 dev eth0")) << told[1];
  EXPECT_EQ(state.snapshot().routes->routes.size(), 5U);
}

/// A route through a nexthop group of two, with the one byte that its message has for a weight.
Payload group_route(std::uint32_t id) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = 8;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_type = RTN_UNICAST;
  std::string legs;
  for (const auto hops : std::to_array<std::uint8_t>({231, 43})) {
    rtnexthop leg{};
    leg.rtnh_len = sizeof leg;
    leg.rtnh_hops = hops;
    leg.rtnh_ifindex = 3;
    legs.append(reinterpret_cast<const char*>(&leg), sizeof leg);
  }
  return Payload(header).attribute(RTA_DST, {"\x0a\0\0\0", 4}).number(RTA_NH_ID, id).attribute(RTA_MULTIPATH, legs);
}

Snapshot with_group() {
  Snapshot snapshot = with_link("eth0");
  std::vector<NextHopObject> objects(3);
  for (std::uint32_t i = 0; i < 3; ++i) objects[i].id = i + 1;
  objects[0].hop.interface = objects[1].hop.interface = "eth0";
  objects[2].group = {{1, 1000}, {2, 300}};
  snapshot.next_hop_objects = Observed<std::vector<NextHopObject>>(objects, "test");
  return snapshot;
}

TEST(WatchedState, WeightsOfAGroupAreThoseOfItsObject) {
  WatchedState state(with_group());
  std::vector<RouteEvent> events;
  state.apply(RTM_NEWROUTE, 0, group_route(3), events);
  const Snapshot now = state.snapshot();
  ASSERT_EQ(now.routes->routes.size(), 1U);
  const std::vector<NextHop>& legs = now.routes->hops(now.routes->routes[0]);
  ASSERT_EQ(legs.size(), 2U);
  EXPECT_EQ(legs[0].weight, 1000);
  EXPECT_EQ(legs[1].weight, 300);
  EXPECT_EQ(state.why_read_again(), "");
}

TEST(WatchedState, ARouteOfAnObjectThatIsNotKnownIsDoubtful) {
  WatchedState state(with_group());
  std::vector<RouteEvent> events;
  state.apply(RTM_NEWROUTE, 0, group_route(4), events);
  EXPECT_NE(state.why_read_again(), "");
}

}  // namespace
}  // namespace vpndoctor
