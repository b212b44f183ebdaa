// SPDX-License-Identifier: Apache-2.0
// The JSON document: its fields, and that it always is what the schema says. The oracles are nlohmann-json's parser
// and, where python3-jsonschema is installed, the schema itself.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "golden.h"
#include "random_dns_report.h"
#include "random_leaks_report.h"
#include "random_report.h"
#include "sample_leaks_reports.h"
#include "sample_reports.h"
#include "vpndoctor/codes.h"
#include "vpndoctor/render.h"

namespace vpndoctor::test {
namespace {

using Json = nlohmann::json;
using nlohmann::json_literals::operator""_json_pointer;

constexpr int kValidatorMissing = 77;
const std::string kSchema = testing_support::source_file("reports/schema/report-1.schema.json");

Json schema() {
  std::ifstream file(kSchema);
  return Json::parse(file);
}

/// Writes one document a line and runs tests/validate_json.py over them; returns its exit code.
int validate(const std::vector<Json>& documents, bool refuse) {
  const std::string path = testing::TempDir() + "vpndoctor-json-" + std::to_string(getpid()) + ".jsonl";
  std::ofstream file(path);
  for (const Json& document : documents) file << document.dump() << "\n";
  file.close();
  const std::string options = refuse ? "--refuse " : "";
  const int status = std::system(
      (testing_support::source_file("tests/validate_json.py") + " " + options + kSchema + " " + path).c_str());
  std::filesystem::remove(path);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Json rendered(const Report& report) { return Json::parse(render_json(report)); }

TEST(JsonReport, BlackHoleHasTheNumbersOfTheMeasurement) {
  const Json document = rendered(black_hole_report());
  EXPECT_EQ(document["schema_version"], "1.0");
  EXPECT_EQ(document["tool"]["name"], "vpndoctor");
  EXPECT_EQ(document["command"], "mtu");
  EXPECT_EQ(document["started_at"], "2026-11-18T11:06:40.042Z");
  EXPECT_EQ(document["duration_ms"], 361.5);
  EXPECT_EQ(document["verdict"], "problem");
  EXPECT_EQ(document["incomplete"], false);
  EXPECT_EQ(document["error"], nullptr);
  EXPECT_EQ(document["/findings/0/code"_json_pointer], "MTU001");
  EXPECT_EQ(document["/findings/0/slug"_json_pointer], "mtu-black-hole");
  EXPECT_EQ(document["/findings/0/severity"_json_pointer], "error");
  const Json& data = document["data"];
  EXPECT_EQ(data["/target/host"_json_pointer], "vpn.example.org");
  EXPECT_EQ(data["/target/address"_json_pointer], "198.51.100.2");
  EXPECT_EQ(data["/target/family"_json_pointer], "inet");
  EXPECT_EQ(data["/egress/link_mtu_bytes"_json_pointer], 1500);
  EXPECT_EQ(data["path_mtu_bytes"], 1400);
  EXPECT_EQ(data["status"], "black_hole");
  EXPECT_EQ(data["direction"], "forward");
  EXPECT_EQ(data["/constriction/from_ttl"_json_pointer], 2);
  EXPECT_EQ(data["/constriction/to_address"_json_pointer], "198.51.100.2");
  EXPECT_EQ(data["/hops/2/rtt_ms"_json_pointer], 40.871);
  EXPECT_EQ(data["/hops/2/largest_bytes"_json_pointer], 1400);
  EXPECT_EQ(data["/sizes/0"_json_pointer], (Json{{"size_bytes", 60}, {"sent", 24}, {"answered", 24}}));
  EXPECT_EQ(data["/probing/method"_json_pointer], "icmp");
  EXPECT_EQ(data["/probing/bytes_sent"_json_pointer], 123400);
}

TEST(JsonReport, UnknownIsNullNeverZero) {
  const Json data = rendered(undetermined_report())["data"];
  for (const char* key :
       {"path_mtu_bytes", "path_mtu_at_least_bytes", "path_mtu_at_most_bytes", "reverse_path_mtu_bytes", "direction",
        "constriction", "false_claim_probability", "rtt_ms", "loss_ratio", "tcp", "outer"}) {
    ASSERT_TRUE(data.contains(key)) << key;
    EXPECT_TRUE(data[key].is_null()) << key;
  }
  EXPECT_TRUE(data["/hops/1/address"_json_pointer].is_null());
  EXPECT_TRUE(data["/hops/1/rtt_ms"_json_pointer].is_null());
  EXPECT_TRUE(data["/egress/route_mtu_bytes"_json_pointer].is_null());
  EXPECT_TRUE(data["/egress/kernel_path_mtu_bytes"_json_pointer].is_null());
}

TEST(JsonReport, AnErrorIsADocumentToo) {
  const Json document = rendered(error_report());
  EXPECT_EQ(document["/error/kind"_json_pointer], "unknown_host");
  EXPECT_EQ(document["/error/message"_json_pointer], "cannot find the address of vpn.example.invalid");
  EXPECT_EQ(document["verdict"], "undetermined");
  EXPECT_TRUE(document["data"].is_null());
  EXPECT_EQ(document["findings"], Json::array());
}

TEST(JsonReport, OuterHasTheSameShape) {
  Report report = black_hole_report();
  auto& path = std::get<PathMtuReport>(report.data);
  Report clear = clear_report();
  path.outer = std::make_unique<PathMtuReport>(std::move(std::get<PathMtuReport>(clear.data)));
  const Json data = rendered(report)["data"];
  EXPECT_EQ(data["/outer/status"_json_pointer], "clear");
  EXPECT_EQ(data["/outer/path_mtu_bytes"_json_pointer], 1500);
  EXPECT_TRUE(data["/outer/outer"_json_pointer].is_null());
}

TEST(JsonReport, FullSegmentsAreCarriedOnlyWhenBothWaysWereSeen) {
  Report report = clear_report();
  TcpEvidence tcp;
  tcp.port = 443;
  const auto carries = [&report, &tcp] {
    std::get<PathMtuReport>(report.data).measurement.tcp = tcp;
    return rendered(report)["/data/tcp/carries_full_segments"_json_pointer];
  };
  EXPECT_TRUE(carries().is_null());
  EXPECT_TRUE(rendered(report)["/data/tcp/clamped"_json_pointer].is_null());
  tcp.forward_full_bytes = 1500;
  EXPECT_TRUE(carries().is_null());
  tcp.reverse_full_bytes = 1500;
  EXPECT_EQ(carries(), true);
  tcp.reverse_lost_bytes = 1500;
  EXPECT_EQ(carries(), false);
}

TEST(JsonReport, ForeignBytesBecomeAsciiAndStayReadable) {
  Report report = error_report();
  report.error->message = "m\xc3\xbcnchen \x1b[31m \xff \xe2\x80\xae";
  const std::string text = render_json(report);
  for (const char c : text) EXPECT_TRUE(c == '\n' || (c >= ' ' && c < '\x7f')) << static_cast<int>(c);
  EXPECT_EQ(Json::parse(text)["/error/message"_json_pointer], "m\xc3\xbcnchen \x1b[31m \xef\xbf\xbd \xe2\x80\xae");
}

TEST(JsonReport, TheSchemaKnowsExactlyTheCodesOfTheRegistry) {
  Json codes = Json::array();
  Json slugs = Json::array();
  for (const CodeEntry& entry : all_codes()) {
    codes.push_back(entry.code);
    slugs.push_back(entry.slug);
  }
  EXPECT_EQ(schema()["/$defs/code/enum"_json_pointer], codes);
  EXPECT_EQ(schema()["/$defs/slug/enum"_json_pointer], slugs);
}

TEST(JsonReport, TheSchemaDescribesEveryFieldThatIsWritten) {
  const Json document = rendered(reverse_report());
  const Json the_schema = schema();
  for (const auto& [key, value] : document.items()) EXPECT_TRUE(the_schema["properties"].contains(key)) << key;
  const Json& mtu = the_schema["/$defs/mtu/properties"_json_pointer];
  for (const auto& [key, value] : document["data"].items()) EXPECT_TRUE(mtu.contains(key)) << key;
  for (const char* part : {"target", "egress", "tcp", "advice", "probing"}) {
    const Json& properties = the_schema["$defs"][part]["properties"];
    for (const auto& [key, value] : document["data"][part].items())
      EXPECT_TRUE(properties.contains(key)) << part << "." << key;
  }
}

void expect_members_are_described(const Json& definition, const Json& object) {
  for (const auto& [key, value] : object.items()) EXPECT_TRUE(definition["properties"].contains(key)) << key;
}

void expect_test_is_described(const Json& definitions, const Json& data) {
  const Json& exchange = definitions["dns_exchange"];
  expect_members_are_described(definitions["dns_test"], data);
  for (const Json& server : data["servers"]) {
    expect_members_are_described(definitions["dns_server_test"], server);
    for (const char* how : {"udp", "udp_without_edns", "tcp"}) expect_members_are_described(exchange, server[how]);
  }
  const Json& name = definitions["/dns_test/properties/names/items"_json_pointer];
  for (const Json& each : data["names"]) {
    expect_members_are_described(name, each);
    const Json& way = name["/properties/ways/items"_json_pointer];
    for (const Json& answer : each["ways"]) expect_members_are_described(way, answer);
  }
}

TEST(JsonReport, TheSchemaDescribesEveryFieldOfTheDnsCommands) {
  const Json definitions = schema()["$defs"];
  std::mt19937_64 random(53);
  for (int i = 0; i < 50; ++i) {
    const Json document = rendered(random_dns_report(random));
    const Json& data = document["data"];
    const bool is_show = document["command"] == "dns show";
    if (document["command"] == "dns test") {
      expect_test_is_described(definitions, data);
      continue;
    }
    for (const auto& [key, value] : data.items()) {
      EXPECT_TRUE(definitions[is_show ? "dns_show" : "dns_explain"]["properties"].contains(key)) << key;
    }
    const auto expect_described = [&](const char* definition, const Json& objects) {
      for (const Json& object : objects) {
        for (const auto& [key, value] : object.items()) {
          EXPECT_TRUE(definitions[definition]["properties"].contains(key)) << definition << "." << key;
        }
      }
    };
    expect_described(is_show ? "dns_scope" : "dns_path", data[is_show ? "scopes" : "paths"]);
    if (is_show && !data["resolv_conf"].is_null()) {
      expect_described("dns_resolv_conf", Json::array({data["resolv_conf"]}));
    }
  }
}

/// Follows the schema's references and lists from `definition` down: every member that `value` has must be there.
void expect_all_described(const Json& definitions, const Json& definition, const Json& value) {
  if (definition.contains("$ref")) {
    const std::string name = definition["$ref"].get<std::string>().substr(std::string("#/$defs/").size());
    return expect_all_described(definitions, definitions[name], value);
  }
  if (value.is_array()) {
    for (const Json& each : value) expect_all_described(definitions, definition.value("items", Json::object()), each);
  }
  if (!value.is_object()) return;
  for (const auto& [key, member] : value.items()) {
    ASSERT_TRUE(definition.contains("properties") && definition["properties"].contains(key)) << key;
    expect_all_described(definitions, definition["properties"][key], member);
  }
}

TEST(JsonReport, TheSchemaDescribesEveryFieldOfLeaks) {
  const Json definitions = schema()["$defs"];
  std::mt19937_64 random(59);
  for (int i = 0; i < 50; ++i) {
    expect_all_described(definitions, definitions["leaks"], rendered(random_leaks_report(random))["data"]);
  }
}

TEST(JsonReport, LeaksHasTheFieldsOfItsContract) {
  const Json data = rendered(leaks_captured_report())["data"];
  const Json& tunnel = data["/tunnels/0"_json_pointer];
  EXPECT_EQ(tunnel["interface"], "wg0");
  EXPECT_EQ(tunnel["kind"], "wireguard");
  EXPECT_EQ(tunnel["state"], "live");
  EXPECT_EQ(tunnel["/holder/pid"_json_pointer], 812);
  EXPECT_EQ(tunnel["/holder/name"_json_pointer], "wireguard-go");
  EXPECT_EQ(tunnel["owner"], "wg-quick");
  EXPECT_EQ(tunnel["routes_count"], 2);
  EXPECT_EQ(tunnel["evidence"].size(), 1U);
  EXPECT_EQ(tunnel["/peers/0/last_handshake_age_seconds"_json_pointer], 42);
  EXPECT_EQ(tunnel["/counters/last/received_packets"_json_pointer], 103);
  EXPECT_TRUE(tunnel["/counters/first/queued_packets"_json_pointer].is_null());
  const Json& inet = data["/coverage/inet"_json_pointer];
  EXPECT_EQ(inet["mode"], "full");
  EXPECT_EQ(inet["tunnel_share_ratio"], 0.9999);
  EXPECT_EQ(inet["/outside/1"_json_pointer], (Json{{"prefix", "198.51.100.7/32"},
                                                   {"class", "vpn_server"},
                                                   {"interface", "eth0"},
                                                   {"gateway", "192.0.2.1"},
                                                   {"protocol", "static"}}));
  EXPECT_EQ(inet["exceptions"].size(), 1U);
  const Json& capture = data["capture"];
  EXPECT_EQ(capture["interfaces"], (Json{"eth0", "wlan0"}));
  EXPECT_EQ(capture["dropped"], 3);
  EXPECT_EQ(capture["/control/seen"_json_pointer], true);
  const Json& leak = capture["/leaks/0"_json_pointer];
  EXPECT_EQ(leak["destination"], "203.0.113.53");
  EXPECT_EQ(leak["port"], 53);
  EXPECT_EQ(leak["protocol"], "udp");
  EXPECT_EQ(leak["kind"], "dns");
  EXPECT_EQ(leak["packets"], 24);
  EXPECT_EQ(leak["/process/name"_json_pointer], "systemd-resolve");
  EXPECT_TRUE(capture["/leaks/1/process"_json_pointer].is_null());
  EXPECT_TRUE(capture["/leaks/2/port"_json_pointer].is_null());
  EXPECT_TRUE(rendered(leaks_no_vpn_report())["/data/capture"_json_pointer].is_null());
}

TEST(JsonReport, WhatLeaksDoesNotKnowIsNullWithAReason) {
  const Json data = rendered(leaks_unknown_report())["data"];
  EXPECT_TRUE(data["/coverage/inet/tunnel_share_ratio"_json_pointer].is_null());
  EXPECT_EQ(data["/coverage/inet/unknown_because"_json_pointer], "the routes are not known");
  EXPECT_TRUE(data["vpn_signs"].is_null());
  for (const Json& source : data["sources"]) EXPECT_EQ(source["why_missing"], "it was not collected") << source;
  const Json several = rendered(leaks_several_report())["data"];
  EXPECT_TRUE(several["/tunnels/4/holder"_json_pointer].is_null());
  EXPECT_TRUE(several["/tunnels/4/holder_unknown_because"_json_pointer].is_string());
  EXPECT_TRUE(several["/tunnels/3/holder_unknown_because"_json_pointer].is_null());
}

TEST(JsonReport, LeaksTellsWhatIsCutAndWhenItLooked) {
  Report report = leaks_captured_report();
  LeaksReport& leaks = std::get<LeaksReport>(report.data);
  leaks.coverage.inet.is_cut = true;
  Snapshot snapshot = *leaks.snapshot;
  snapshot.activity->ended_at += std::chrono::seconds(6);
  snapshot.activity->interfaces.front().last.received_bytes = 700;
  snapshot.activity->interfaces.front().last.sent_bytes = 900;
  const std::array kinds = {VpnSignKind::kIpsecSocket, VpnSignKind::kXfrmCounters, VpnSignKind::kUserspaceClient,
                            VpnSignKind::kProxyClient, VpnSignKind::kAbandonedSocket};
  snapshot.vpn_signs->clear();
  for (const VpnSignKind kind : kinds) snapshot.vpn_signs->push_back({kind, "x", {}, "y"});
  leaks.snapshot = std::make_shared<const Snapshot>(std::move(snapshot));
  const Json data = rendered(report)["data"];
  EXPECT_EQ(data["/coverage/inet/outside_is_cut"_json_pointer], true);
  EXPECT_EQ(data["/coverage/inet6/outside_is_cut"_json_pointer], false);
  EXPECT_EQ(data["/tunnels/0/peers/0/last_handshake_age_seconds"_json_pointer], 48);
  EXPECT_EQ(data["/tunnels/0/counters/last/received_bytes"_json_pointer], 700);
  EXPECT_EQ(data["/tunnels/0/counters/last/sent_bytes"_json_pointer], 900);
  constexpr std::array kNames = {"ipsec_socket", "xfrm_counters", "userspace_client", "proxy_client",
                                 "abandoned_socket"};
  for (std::size_t at = 0; at < kNames.size(); ++at) EXPECT_EQ(data["vpn_signs"][at]["kind"], kNames.at(at));
}

TEST(JsonReport, TheSchemaRefusesMistakesOfLeaks) {
  const Json good = rendered(leaks_captured_report());
  std::vector<Json> bad;
  const auto with = [&](const Json::json_pointer& where, const Json& value) {
    bad.push_back(good);
    bad.back()[where] = value;
  };
  with("/data/tunnels/0/state"_json_pointer, "zombie");
  with("/data/tunnels/0/holder"_json_pointer, 812);
  with("/data/tunnels/0/holder_unknown_because"_json_pointer, "it is both");
  with("/data/tunnels/0/peers/0/last_handshake_at"_json_pointer, "yesterday");
  with("/data/coverage/inet/mode"_json_pointer, "unknown");
  with("/data/coverage/inet/unknown_because"_json_pointer, "it is both");
  with("/data/coverage/inet/tunnel_share_ratio"_json_pointer, nullptr);
  with("/data/coverage/inet/tunnel_share_ratio"_json_pointer, 99.9);
  with("/data/coverage/inet/outside/0/prefix"_json_pointer, "192.0.2.0");
  with("/data/coverage/inet/outside/0/class"_json_pointer, "home");
  with("/data/capture/leaks/0/port"_json_pointer, 65536);
  with("/data/capture/leaks/0/protocol"_json_pointer, "UDP");
  with("/data/capture/control/seen"_json_pointer, nullptr);
  with("/data/capture"_json_pointer, Json::object());
  with("/data/active"_json_pointer, false);
  with("/data/expectation"_json_pointer, Json{{"mode", "none"}, {"interface", nullptr}});
  with("/findings"_json_pointer, Json::array());
  for (const char* key : {"tunnels", "coverage", "capture", "active", "vpn_signs", "sources"}) {
    bad.push_back(good);
    bad.back()["data"].erase(key);
  }
  const int result = validate(bad, true);
  if (result == kValidatorMissing) GTEST_SKIP() << "python3-jsonschema is not installed";
  EXPECT_EQ(result, 0);
}

TEST(JsonReport, EveryReportIsWhatTheSchemaSays) {
  std::vector<Json> documents = {
      rendered(black_hole_report()),    rendered(clear_report()),        rendered(signalled_report()),
      rendered(undetermined_report()),  rendered(reverse_report()),      rendered(error_report()),
      rendered(leaks_no_vpn_report()),  rendered(leaks_full_report()),   rendered(leaks_split_report()),
      rendered(leaks_several_report()), rendered(leaks_bypass_report()), rendered(leaks_no_control_report()),
      rendered(leaks_unknown_report()), rendered(leaks_macos_report())};
  std::mt19937_64 random(4);
  for (int i = 0; i < 150; ++i) documents.push_back(rendered(random_report(random)));
  for (int i = 0; i < 150; ++i) documents.push_back(rendered(random_dns_report(random)));
  for (int i = 0; i < 150; ++i) documents.push_back(rendered(random_leaks_report(random)));
  const int result = validate(documents, false);
  if (result == kValidatorMissing) GTEST_SKIP() << "python3-jsonschema is not installed";
  EXPECT_EQ(result, 0);
}

TEST(JsonReport, TheSchemaRefusesMistakes) {
  const Json good = rendered(black_hole_report());
  std::vector<Json> bad;
  const auto with = [&](const Json::json_pointer& where, const Json& value) {
    bad.push_back(good);
    bad.back()[where] = value;
  };
  const auto without = [&](const Json::json_pointer& parent, const std::string& key) {
    bad.push_back(good);
    bad.back()[parent].erase(key);
  };
  with("/data/rtt_ms"_json_pointer, "40.9");
  with("/data/hops/0/rtt_ms"_json_pointer, "0.41");
  with("/data/path_mtu_bytes"_json_pointer, 0);
  with("/data/path_mtu_bytes"_json_pointer, "1400");
  with("/data/path_mtu_at_most_bytes"_json_pointer, nullptr);
  with("/data/status"_json_pointer, "blackhole");
  with("/data/status"_json_pointer, nullptr);
  with("/data/direction"_json_pointer, "backward");
  with("/data/loss_ratio"_json_pointer, 19);
  with("/data/false_claim_probability"_json_pointer, 1.5);
  with("/data/target/family"_json_pointer, "ipv4");
  with("/data/target/address"_json_pointer, "198.51.100.2/32");
  with("/data/hops/1/address"_json_pointer, "");
  with("/data/egress/is_tunnel"_json_pointer, nullptr);
  with("/data/probing/method"_json_pointer, "echo");
  with("/data/tcp"_json_pointer, Json::object());
  with("/data"_json_pointer, nullptr);
  with("/findings"_json_pointer, Json::array());
  with("/findings/0/code"_json_pointer, "MTU999");
  with("/findings/0/severity"_json_pointer, "critical");
  with("/findings/0/remedy"_json_pointer, nullptr);
  with("/started_at"_json_pointer, "2026-11-18 11:06:40");
  with("/verdict"_json_pointer, "fail");
  with("/error"_json_pointer, "none");
  with("/schema_version"_json_pointer, 1);
  without(""_json_pointer, "skipped");
  without("/data"_json_pointer, "outer");
  without("/data/egress"_json_pointer, "kernel_path_mtu_bytes");
  without("/data/probing"_json_pointer, "changed_kernel_cache");
  const int result = validate(bad, true);
  if (result == kValidatorMissing) GTEST_SKIP() << "python3-jsonschema is not installed";
  EXPECT_EQ(result, 0);
}

TEST(JsonReport, FieldsMayBeAdded) {
  Json document = rendered(black_hole_report());
  document["new"] = 1;
  document["data"]["new"] = 1;
  document["data"]["egress"]["new"] = 1;
  const int result = validate({document}, false);
  if (result == kValidatorMissing) GTEST_SKIP() << "python3-jsonschema is not installed";
  EXPECT_EQ(result, 0);
}

}  // namespace
}  // namespace vpndoctor::test
