// SPDX-License-Identifier: Apache-2.0
// The comparison of answers with expectations: a comparison that lets anything pass would make every scenario green.
#include <gtest/gtest.h>

#include <string>

#include "lab/expectation.h"

namespace vpndoctor::lab {
namespace {

constexpr const char* kAnswer = R"({
  "verdict": "problem",
  "findings": [{"code": "MTU001", "severity": "error"}, {"code": "MTU004", "severity": "notice"},
               {"code": "MTU010", "severity": "warning"}],
  "data": {"path_mtu_bytes": 1400, "direction": null, "rtt_ms": 40.5, "hops": [{"ttl": 1}, {"ttl": 2}],
           "probing": {"changed_kernel_cache": false}}})";

Observation answer() { return {1, kAnswer, Family::kInet, {}, {}}; }

std::size_t count(const std::string& expect, const Observation& observation = answer()) {
  return differences({expect, ""}, observation).size();
}

TEST(LabExpectation, NamedValuesMustMatchAndUnnamedOnesMayBeAnything) {
  EXPECT_EQ(count(R"({"exit": 1, "json": {"verdict": "problem", "data": {"path_mtu_bytes": 1400}}})"), 0U);
  EXPECT_EQ(count(R"({"exit": 0})"), 1U);
  EXPECT_EQ(count(R"({"json": {"data": {"path_mtu_bytes": 1401, "rtt_ms": 1}}})"), 2U);
  EXPECT_EQ(count(R"({"json": {"data": {"absent": 1}}})"), 1U);
}

TEST(LabExpectation, NullIsAValue) {
  EXPECT_EQ(count(R"({"json": {"data": {"direction": null}}})"), 0U);
  EXPECT_EQ(count(R"({"json": {"data": {"path_mtu_bytes": null}}})"), 1U);
  EXPECT_EQ(count(R"({"json": {"data": {"direction": {"not_null": true}}}})"), 1U);
  EXPECT_EQ(count(R"({"json": {"data": {"absent": null}}})"), 1U);
}

TEST(LabExpectation, RangesChoicesAndContainedItems) {
  EXPECT_EQ(count(R"({"json": {"data": {"rtt_ms": {"min": 40, "max": 41}}}})"), 0U);
  EXPECT_EQ(count(R"({"json": {"data": {"rtt_ms": {"min": 41}}}})"), 1U);
  EXPECT_EQ(count(R"({"json": {"data": {"direction": {"max": 3}}}})"), 1U);
  EXPECT_EQ(count(R"({"json": {"data": {"path_mtu_bytes": {"one_of": [null, 1400]}}}})"), 0U);
  EXPECT_EQ(count(R"({"json": {"data": {"path_mtu_bytes": {"one_of": [null, 1500]}}}})"), 1U);
  EXPECT_EQ(count(R"({"json": {"data": {"hops": {"contains": [{"ttl": 2}]}}}})"), 0U);
  EXPECT_EQ(count(R"({"json": {"data": {"hops": {"contains": [{"ttl": 3}]}}}})"), 1U);
  EXPECT_EQ(count(R"({"json": {"data": {"hops": [{"ttl": 1}]}}})"), 1U);
}

TEST(LabExpectation, FindingsThatAlarmMustBeAnnounced) {
  EXPECT_EQ(count(R"({"findings": ["MTU001", "MTU010"]})"), 0U);
  EXPECT_EQ(count(R"({"findings": ["MTU001"]})"), 1U);
  EXPECT_EQ(count(R"({"findings": ["MTU001"], "may_find": ["MTU010", "MTU011"]})"), 0U);
  EXPECT_EQ(count(R"({"findings": ["MTU001", "MTU010", "MTU002"]})"), 1U);
  EXPECT_EQ(count(R"({"findings": ["MTU001", "MTU010"], "no_findings": ["MTU004"]})"), 1U);
}

TEST(LabExpectation, OneOfSeveralAnswersIsEnough) {
  EXPECT_EQ(count(R"({"any_of": [{"exit": 3}, {"exit": 1}]})"), 0U);
  EXPECT_EQ(count(R"({"any_of": [{"exit": 3}, {"exit": 0}]})"), 1U);
}

TEST(LabExpectation, PatchReplacesWhatDiffersForIpv6) {
  EXPECT_TRUE(differences({R"({"exit": 0})", R"({"exit": 1})"}, answer()).empty());
}

TEST(LabExpectation, AChangedKernelCacheMustBeAdmittedAndAnAdmittedOneChanged) {
  Observation changed = answer();
  changed.cache_after = 1400;
  EXPECT_EQ(count("{}", changed), 1U);
  const std::string honest = R"({"data": {"probing": {"changed_kernel_cache": true}}})";
  changed.output = honest;
  EXPECT_EQ(count("{}", changed), 0U);
  changed.cache_before = 1400;
  EXPECT_EQ(count("{}", changed), 1U);
}

TEST(LabExpectation, AnswerMustBeOneJsonDocument) {
  Observation broken = answer();
  broken.output = "{\"data\": ";
  EXPECT_EQ(count("{}", broken), 1U);
  broken.output = std::string(kAnswer) + "{}";
  EXPECT_EQ(count("{}", broken), 1U);
}

}  // namespace
}  // namespace vpndoctor::lab
