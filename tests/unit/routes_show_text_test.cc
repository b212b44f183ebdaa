// SPDX-License-Identifier: Apache-2.0
// `routes show` as people read it: golden files (UPDATE_GOLDEN=1 rewrites them), and what must hold of any.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>

#include "golden.h"
#include "machine.h"
#include "vpndoctor/render.h"
#include "vpndoctor/report.h"
#include "vpndoctor/utf8.h"

namespace vpndoctor {
namespace {

using testing_support::expect_golden;
using testing_support::Machine;

Rule rule_of(Family family, std::uint32_t priority, std::uint32_t table) {
  Rule rule;
  rule.family = family;
  rule.priority = priority;
  rule.table = table;
  return rule;
}

/// wg-quick with AllowedIPs 0.0.0.0/0, ::/0 on a laptop with Docker.
Snapshot full_tunnel() {
  Machine machine = Machine::ordinary();
  machine.link("docker0", "bridge", kLinkUp).address("docker0", "172.17.0.1/16");
  machine.link("wg0", "wireguard", kLinkUp | kLinkRunning | kLinkPointToPoint | kLinkNoArp)
      .address("wg0", "10.8.0.2/32");
  machine.tunnel("wg0", "198.51.100.9", 0xca6c);
  for (const Family family : {Family::kInet, Family::kInet6}) {
    Rule suppressed = rule_of(family, 32764, kTableMain);
    suppressed.suppress_prefix_length = 0;
    Rule marked = rule_of(family, 32765, 51820);
    marked.inverted = true;
    marked.mark = 0xca6c;
    marked.mark_mask = 0xffffffff;
    machine.rule(suppressed).rule(marked);
  }
  machine.route({.destination = "default", .interface = "wg0", .table = 51820});
  machine.route({.destination = "::/0", .interface = "wg0", .metric = 1024, .table = 51820});
  return machine.snapshot();
}

/// OpenVPN with 800 pushed routes, some of them in rows.
Snapshot split_tunnel() {
  Machine machine = Machine::ordinary();
  machine.tun("tun0").address("tun0", "10.8.0.6/24").tunnel("tun0", "198.51.100.9");
  machine.route({.destination = "198.51.100.9/32", .interface = "eth0", .gateway = "192.0.2.1"});
  for (unsigned i = 0; i < 400; ++i) {
    machine.route(
        {.destination = fmt::format("20.{}.{}.0/24", i / 256, i % 256), .interface = "tun0", .gateway = "10.8.0.1"});
    machine.route({.destination = fmt::format("30.{}.{}.0/24", i * 2 / 256, i * 2 % 256),
                   .interface = "tun0",
                   .gateway = "10.8.0.1"});
  }
  return machine.snapshot();
}

Report report_of(Snapshot snapshot, bool unfolded = false) {
  RoutesShowReport show;
  show.snapshot = std::make_shared<const Snapshot>(std::move(snapshot));
  show.unfolded = unfolded;
  show.overview = routes_overview(*show.snapshot, Fib(*show.snapshot));
  Report report;
  report.command = "routes show";
  report.verdict = Verdict::kOk;
  report.data = std::move(show);
  return report;
}

TEST(RoutesShowText, FullTunnel) { expect_golden("routes_show_full_tunnel", render_text(report_of(full_tunnel()))); }
TEST(RoutesShowText, SplitTunnel) { expect_golden("routes_show_split_tunnel", render_text(report_of(split_tunnel()))); }

std::size_t line_count(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(RoutesShowText, FoldedItFitsAScreenAndUnfoldedItListsEverything) {
  EXPECT_LT(line_count(render_text(report_of(split_tunnel()))), 45U);
  const std::string unfolded = render_text(report_of(split_tunnel(), true));
  for (unsigned i = 0; i < 400; ++i) {
    EXPECT_NE(unfolded.find(fmt::format(" 30.{}.{}.0/24 ", i * 2 / 256, i * 2 % 256)), std::string::npos);
  }
}

TEST(RoutesShowText, NoLineIsWiderThanTheTerminal) {
  for (Snapshot snapshot : {full_tunnel(), split_tunnel()}) {
    std::istringstream lines(render_text(report_of(std::move(snapshot), true)));
    for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 80U) << line;
  }
}

TEST(RoutesShowText, WhatIsNotKnownIsSaid) {
  Snapshot snapshot = full_tunnel();
  snapshot.rules = Observed<std::vector<Rule>>::missing("the dump was refused");
  snapshot.stable = false;
  const std::string text = render_text(report_of(std::move(snapshot)));
  EXPECT_NE(text.find("the dump was refused"), std::string::npos);
  EXPECT_NE(text.find("changed while they were read"), std::string::npos);
}

TEST(RoutesShowText, ADeadTunnelAndWhatGoesAnotherWayAreSaid) {
  Machine machine = Machine::ordinary();
  machine.tun("tun0", false).tunnel("tun0", "").route({.destination = "2000::/3", .interface = "tun0", .metric = 9});
  machine.route({.destination = "0.0.0.0/1", .interface = "tun0"})
      .route({.destination = "128.0.0.0/1", .interface = "tun0"});
  Snapshot snapshot = machine.snapshot();
  snapshot.tunnels->front().not_seen = "only root may see it";
  const std::string text = render_text(report_of(std::move(snapshot)));
  EXPECT_NE(text.find("IPv4        tun0 (tunnel, no carrier)"), std::string::npos) << text;
  EXPECT_NE(text.find("outside 2000::/3 100 %: eth0"), std::string::npos) << text;
  EXPECT_NE(text.find("only root may see it"), std::string::npos) << text;
}

TEST(RoutesShowText, ANamespaceWithoutANetworkSaysSo) {
  const std::string text = render_text(report_of(Machine().snapshot()));
  EXPECT_NE(text.find("no interface but the loopback"), std::string::npos) << text;
}

TEST(RoutesShowText, AHostileNameIsEscaped) {
  Snapshot snapshot = split_tunnel();
  snapshot.links->back().name = "\x1b[31mtun0";
  EXPECT_EQ(render_text(report_of(std::move(snapshot))).find('\x1b'), std::string::npos);
}

TEST(RoutesShowText, SavingSaysWhatAndWhere) {
  Report report = report_of(full_tunnel());
  std::get<RoutesShowReport>(report.data).saved_to = "/home/user/before";
  std::get<RoutesShowReport>(report.data).overview.reset();
  const std::string text = render_text(report);
  EXPECT_NE(text.find("saved to /home/user/before"), std::string::npos);
  EXPECT_LT(line_count(text), 5U);
}

}  // namespace
}  // namespace vpndoctor
