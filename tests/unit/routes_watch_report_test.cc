// SPDX-License-Identifier: Apache-2.0
// What a watch says at its end.
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "vpndoctor/route_diff.h"
#include "vpndoctor/watch_render.h"

namespace vpndoctor {
namespace {

Snapshot whole_state() {
  Snapshot snapshot;
  snapshot.links = Observed<std::vector<Link>>({}, "test");
  snapshot.addresses = Observed<std::vector<Address>>({}, "test");
  snapshot.routes = Observed<RouteTable>(RouteTable{}, "test");
  snapshot.rules = Observed<std::vector<Rule>>({}, "test");
  return snapshot;
}

RoutesDiffReport between(Snapshot before, Snapshot after) {
  RoutesDiffReport report;
  report.diff = diff_snapshots(before, after);
  report.before = std::make_shared<const Snapshot>(std::move(before));
  report.after = std::make_shared<const Snapshot>(std::move(after));
  report.before_name = "the start";
  report.after_name = "the end";
  return report;
}

WatchEnd ended(bool stable) {
  return {.at = {}, .events = 0, .resynchronisations = 0, .interrupted = false, .stable = stable};
}

TEST(RoutesWatchReport, OnlyAWholeAndSureStateIsTheSame) {
  const RoutesDiffReport report = between(whole_state(), whole_state());
  EXPECT_FALSE(is_undetermined(report, ended(true)));
  EXPECT_TRUE(render_watch_text(report, ended(true), {.quiet = true}).starts_with("SAME"));
  EXPECT_TRUE(is_undetermined(report, ended(false)));
  EXPECT_TRUE(render_watch_text(report, ended(false), {.quiet = true}).starts_with("UNDETERMINED"));
}

TEST(RoutesWatchReport, WithoutRoutesNothingIsTheSame) {
  Snapshot blind = whole_state();
  blind.routes = Observed<RouteTable>::missing("it could not be read: read from netlink: Permission denied");
  const RoutesDiffReport report = between(blind, blind);
  EXPECT_TRUE(is_undetermined(report, ended(true)));
  EXPECT_TRUE(render_watch_text(report, ended(true), {.quiet = true}).starts_with("UNDETERMINED"));
}

TEST(RoutesWatchReport, ADifferenceIsOneWhetherOrNotTheEndIsSure) {
  Snapshot after = whole_state();
  Link link;
  link.name = "tun0";
  after.links->push_back(link);
  const RoutesDiffReport report = between(whole_state(), after);
  EXPECT_FALSE(is_undetermined(report, ended(false)));
  EXPECT_TRUE(render_watch_text(report, ended(false), {.quiet = true}).starts_with("DIFFERENT"));
  EXPECT_EQ(nlohmann::json::parse(render_watch_json(report, ended(false))).at("stable"), false);
}

}  // namespace
}  // namespace vpndoctor
