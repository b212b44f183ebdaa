// SPDX-License-Identifier: Apache-2.0
// How events are told: one by one as JSON, folded for people; and how the author of one is looked up in a table.
#include "vpndoctor/route_event.h"

#include <gtest/gtest.h>

#include <random>

#include "netlink_ports.h"
#include "vpndoctor/event_folder.h"

namespace vpndoctor {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

RouteEvent route_added(int number, milliseconds after, std::string interface = "tun0") {
  RouteEvent event;
  event.at = system_clock::time_point(std::chrono::hours(24 * 365 * 50)) + after;
  event.object = "route";
  event.entry = fmt::format("10.0.{}.0/24 dev {}", number, interface);
  event.text = event.entry + " added";
  event.interface = std::move(interface);
  event.author = ChangeAuthor{.port = 42, .pid = 42, .name = "openvpn", .parent_name = "systemd"};
  return event;
}

std::vector<std::string> texts(const std::vector<EventLine>& lines) {
  std::vector<std::string> all;
  for (const EventLine& line : lines) all.push_back(line.text);
  return all;
}

TEST(EventFolder, ABurstIsOneLine) {
  EventFolder folder;
  for (int i = 0; i < 812; ++i) EXPECT_TRUE(folder.take(route_added(i, milliseconds(i / 10))).empty());
  const std::vector<std::string> wanted = {
      "812 routes added through tun0, the first 10.0.0.0/24 dev tun0 (by openvpn (42), started by systemd)"};
  EXPECT_EQ(texts(folder.flush()), wanted);
  EXPECT_TRUE(folder.flush().empty());
}

TEST(EventFolder, AFewAreToldOneByOneAndLoseNothing) {
  EventFolder folder;
  for (int i = 0; i < 3; ++i) folder.take(route_added(i, milliseconds(i)));
  const auto lines = texts(folder.flush());
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[2], "10.0.2.0/24 dev tun0 added (by openvpn (42), started by systemd)");
}

TEST(EventFolder, AnythingElseEndsABurstAndKeepsTheOrder) {
  EventFolder folder;
  for (int i = 0; i < 10; ++i) folder.take(route_added(i, milliseconds(i)));
  const auto other = texts(folder.take(route_added(10, milliseconds(10), "wg0")));
  ASSERT_EQ(other.size(), 1U);
  EXPECT_TRUE(other[0].starts_with("10 routes added through tun0"));
  RouteEvent rule = route_added(0, milliseconds(11));
  rule.object = "rule";
  rule.text = "rule added";
  const auto lines = texts(folder.take(rule));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_TRUE(lines[0].starts_with("10.0.10.0/24 dev wg0 added"));
  EXPECT_TRUE(lines[1].starts_with("rule added"));
}

TEST(EventFolder, AnEndlessBurstIsToldEveryTwoSeconds) {
  EventFolder folder;
  std::size_t lines = 0;
  for (int i = 0; i < 100; ++i) lines += folder.take(route_added(i, milliseconds(i * 100))).size();
  EXPECT_EQ(lines, 4U);
}

TEST(EventFolder, WhatTheKernelDerivesIsNotTold) {
  EventFolder folder;
  RouteEvent derived = route_added(1, milliseconds(0));
  derived.is_derived = true;
  EXPECT_TRUE(folder.take(derived).empty());
  EXPECT_TRUE(folder.flush().empty());
}

TEST(RouteEvent, JsonIsOneLineWithUnknownAsNull) {
  RouteEvent event = route_added(7, milliseconds(5));
  event.text = "na\nme \x1b[31m\xff added";
  EXPECT_EQ(
      route_event_json(event),
      R"({"at":"2019-12-20T00:00:00.005Z","kind":"added","object":"route","text":"na\u000ame \u001b[31m\ufffd added",)"
      R"("entry":"10.0.7.0/24 dev tun0","interface":"tun0","derived":false,)"
      R"("process":{"pid":42,"name":"openvpn","parent":"systemd"}})");
  event.author = ChangeAuthor{.port = 99, .pid = std::nullopt, .name = {}, .parent_name = {}};
  EXPECT_TRUE(route_event_json(event).ends_with(R"("process":null})"));
  EXPECT_EQ(author_text(event), "by an unknown process");
  event.author.reset();
  EXPECT_TRUE(route_event_json(event).ends_with(R"("process":null})"));
}

constexpr std::string_view kTable =
    "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n"
    "00000000a1b2c3d4 0   4711       000001d5 0        0        0     2        0        98765   \n"
    "00000000a1b2c3d5 16  4711       00000000 0        0        0     2        0        11111   \n"
    "00000000a1b2c3d6 0   4294963199 00000000 0        0        0     2        0        22222   \n"
    "00000000a1b2c3d7 0   x          00000000 0        0        0     2        0        22223   \n"
    "00000000a1b2c3d8 0   5";

TEST(NetlinkPorts, OnlySocketsOfNetlinkRouteCount) {
  const std::vector<NetlinkPort> ports = parse_netlink_table(kTable);
  ASSERT_EQ(ports.size(), 2U);
  EXPECT_EQ(ports[0].port, 4711U);
  EXPECT_EQ(ports[0].inode, 98765U);
  EXPECT_EQ(ports[1].port, 4294963199U);
}

TEST(NetlinkPorts, ATableThatIsCutAnywhereGivesNoWrongSocket) {
  for (std::size_t size = 0; size < kTable.size(); ++size) {
    for (const NetlinkPort& port : parse_netlink_table(kTable.substr(0, size))) {
      EXPECT_EQ(port.inode, port.port == 4711U ? 98765U : 22222U) << size;
    }
  }
}

}  // namespace
}  // namespace vpndoctor
