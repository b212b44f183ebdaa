// SPDX-License-Identifier: Apache-2.0
// The text and the JSON of `mtu --read`: golden files of typical captures (UPDATE_GOLDEN=1 rewrites them).
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "golden.h"
#include "vpndoctor/render.h"

namespace vpndoctor::test {
namespace {

using testing_support::expect_golden;

FlowMtu flow(const char* source, std::uint16_t source_port, const char* destination, std::uint16_t port) {
  FlowMtu flow;
  flow.source = *IpAddress::parse(source);
  flow.source_port = source_port;
  flow.destination = *IpAddress::parse(destination);
  flow.destination_port = port;
  flow.announced_mss_bytes = 1460;
  flow.full_bytes = 1500;
  return flow;
}

FlowMtu hole() {
  FlowMtu hole = flow("192.0.2.5", 51234, "203.0.113.10", 443);
  hole.status = FlowMtuStatus::kBlackHole;
  hole.confidence = Confidence::kProven;
  hole.largest_acknowledged_bytes = 1012;
  hole.smallest_lost_bytes = 1500;
  hole.packets = 48;
  hole.data_bytes = 18240;
  hole.retransmitted = 7;
  hole.retransmitted_full = 7;
  hole.sent_in_vain = 7;
  hole.smaller_acknowledged = 12;
  hole.false_claim_probability = 2.1e-6;
  hole.why = "one segment of 1500 bytes was sent 7 times and never acknowledged, while 12 smaller packets arrived";
  return hole;
}

Report report_of(std::vector<FlowMtu> flows) {
  Report report;
  report.command = "mtu";
  CaptureFlows capture;
  capture.file = "hang.pcap";
  capture.packets = 1204;
  capture.not_decoded = 3;
  capture.flows = std::move(flows);
  report.findings = judge_capture_flows(capture);
  report.verdict = decide_verdict(report.findings, FailOn::kError, !capture.flows.empty());
  report.data = std::move(capture);
  return report;
}

Report hole_report() {
  FlowMtu back = flow("203.0.113.10", 443, "192.0.2.5", 51234);
  back.status = FlowMtuStatus::kClear;
  back.confidence = Confidence::kProven;
  back.largest_acknowledged_bytes = 1500;
  back.packets = 60;
  back.offloaded = 4;
  back.why = "packets of 1500 bytes were acknowledged";
  return report_of({hole(), back});
}

Report signalled_report() {
  FlowMtu told = flow("2001:db8:1::5", 51234, "2001:db8:9::10", 443);
  told.status = FlowMtuStatus::kSignalled;
  told.confidence = Confidence::kProven;
  told.largest_acknowledged_bytes = 1400;
  told.smallest_lost_bytes = 1500;
  told.too_big_mtu_bytes = 1400;
  told.too_big_from = IpAddress::parse("2001:db8:5::1");
  told.packets = 100;
  told.retransmitted = 4;
  told.why = "2001:db8:5::1 said that packets of 1500 bytes are too big, and the sender made them smaller";
  return report_of({told});
}

TEST(CaptureFlowsReport, BlackHole) { expect_golden("mtu_read_black_hole", render_text(hole_report())); }
TEST(CaptureFlowsReport, Signalled) { expect_golden("mtu_read_signalled", render_text(signalled_report())); }
TEST(CaptureFlowsReport, Nothing) { expect_golden("mtu_read_nothing", render_text(report_of({}))); }

TEST(CaptureFlowsReport, WhereEveryPacketIsCutTheHeadlineAndTheLimitsSaySo) {
  Report report = report_of({});
  auto& capture = std::get<CaptureFlows>(report.data);
  capture.cut = 1201;
  capture.limits = {"1,201 packets were cut by the snap length within the TCP header"};
  const std::string text = render_text(report);
  EXPECT_EQ(text.find("no TCP connection with data"), std::string::npos) << text;
  EXPECT_LT(text.find("tcpdump -s 128"), text.find("\n\n")) << text;
  EXPECT_NE(text.find("limit"), std::string::npos) << text;
}

TEST(CaptureFlowsReport, AFullPacketIsOneOfTheFullSizeAndASmallerOneMayBeAFilters) {
  const auto text = [](std::uint32_t lost, Confidence confidence) {
    FlowMtu flow = hole();
    flow.smallest_lost_bytes = lost;
    flow.confidence = confidence;
    const auto findings = judge_capture_flows(std::get<CaptureFlows>(report_of({flow}).data));
    return findings.at(0).detail;
  };
  EXPECT_NE(text(1500, Confidence::kProven).find("first full packet"), std::string::npos);
  EXPECT_EQ(text(1500, Confidence::kProven).find("looks at the content"), std::string::npos);
  EXPECT_EQ(text(1400, Confidence::kProven).find("full packet"), std::string::npos);
  EXPECT_EQ(text(1400, Confidence::kProven).find("looks at the content"), std::string::npos);
  EXPECT_EQ(text(583, Confidence::kSuspected).find("full packet"), std::string::npos);
  EXPECT_NE(text(583, Confidence::kSuspected).find("looks at the content"), std::string::npos);
}

TEST(CaptureFlowsReport, JsonHasAFlowForEachDirectionAndNullForWhatIsNotKnown) {
  const auto document = nlohmann::json::parse(render_json(hole_report()));
  const auto& flows = document["data"]["flows"];
  ASSERT_EQ(flows.size(), 2U);
  EXPECT_EQ(flows[0]["status"], "black_hole");
  EXPECT_EQ(flows[0]["confidence"], "proven");
  EXPECT_EQ(flows[0]["smallest_lost_bytes"], 1500);
  EXPECT_EQ(flows[0]["too_big_from"], nullptr);
  EXPECT_EQ(flows[1]["smallest_lost_bytes"], nullptr);
  EXPECT_EQ(flows[1]["offloaded"], 4);
  EXPECT_EQ(document["data"]["file"], "hang.pcap");
  EXPECT_EQ(document["data"]["packets"], 1204);
  EXPECT_EQ(flows[0]["too_big_ignored"], false);
  FlowMtu deaf = hole();
  deaf.is_message_ignored = true;
  EXPECT_EQ(nlohmann::json::parse(render_json(report_of({deaf})))["data"]["flows"][0]["too_big_ignored"], true);
}

/// The text of one flow, a black hole unless `change` makes it something else.
template <class Change>
std::string text_of_hole(Change change, const TextOptions& options = {}) {
  FlowMtu flow = hole();
  change(flow);
  return render_text(report_of({flow}), options);
}

TEST(CaptureFlowsReport, EachVerdictHasItsWords) {
  const auto has = [](const auto& change, const char* words) {
    const std::string text = text_of_hole(change);
    return text.find(words) != std::string::npos ? testing::AssertionSuccess() : testing::AssertionFailure() << text;
  };
  EXPECT_TRUE(has([](FlowMtu& flow) { flow.is_message_ignored = true; }, "  told, and did not listen"));
  EXPECT_TRUE(has([](FlowMtu&) {}, "  black hole\n"));
  EXPECT_TRUE(has([](FlowMtu& flow) { flow.confidence = Confidence::kLikely; }, "  black hole, very likely\n"));
  EXPECT_TRUE(has([](FlowMtu& flow) { flow.confidence = Confidence::kSuspected; }, "  black hole, perhaps\n"));
  EXPECT_TRUE(has([](FlowMtu& flow) { flow.status = FlowMtuStatus::kLossy; }, "  plain loss\n"));
  EXPECT_TRUE(has(
      [](FlowMtu& flow) {
        flow.status = FlowMtuStatus::kLossy;
        flow.retransmitted_full = 2;
      },
      "  loss of any size\n"));
  EXPECT_TRUE(has([](FlowMtu& flow) { flow.status = FlowMtuStatus::kUndetermined; },
                  "The capture does not tell whether full packets get through."));
}

TEST(CaptureFlowsReport, ManyFlowsAreCutAndTheReasonsLeftOutUnlessAllIsWanted) {
  const Report many = report_of(std::vector(23, hole()));
  const std::string text = render_text(many);
  EXPECT_NE(text.find("and 3 more"), std::string::npos) << text;
  EXPECT_EQ(text.find("What the verdicts rest on"), std::string::npos);
  const std::string all = render_text(many, {.verbose = true});
  EXPECT_EQ(all.find("and 3 more"), std::string::npos) << all;
  EXPECT_NE(all.find("What the verdicts rest on"), std::string::npos) << all;
}

TEST(CaptureFlowsReport, WhatIsReadFromStandardInputSaysSo) {
  Report report = hole_report();
  std::get<CaptureFlows>(report.data).file = "-";
  EXPECT_NE(render_text(report).find("standard input"), std::string::npos);
}

}  // namespace
}  // namespace vpndoctor::test
