// SPDX-License-Identifier: Apache-2.0
// The JSON document of a report, as reports/schema/report-1.schema.json describes it. Unknown is null, never 0.
// The one file that includes nlohmann-json; the routes' data is written by its own files. Output is ASCII: what a
// terminal or a locale could spoil is escaped.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "data_json.h"
#include "vpndoctor/codes_page.h"
#include "vpndoctor/render.h"
#include "vpndoctor/version.h"

namespace vpndoctor {
namespace {

using Json = nlohmann::ordered_json;

/// Rounds to microseconds: more digits would be noise.
Json number(Milliseconds value) { return std::round(value.count() * 1000) / 1000; }
Json number(double value) { return value; }
Json number(std::uint32_t value) { return value; }
Json number(std::uint16_t value) { return value; }
Json number(std::int32_t value) { return value; }
Json number(const IpAddress& address) { return address.to_string(); }

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? number(*value) : Json();
}

Json or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

template <class T, class ToJson>
Json list(const std::vector<T>& values, ToJson to_json) {
  Json array = Json::array();
  for (const T& value : values) array.push_back(to_json(value));
  return array;
}

std::string pretty(const Json& json) {
  constexpr int kIndent = 2;
  return json.dump(kIndent, ' ', true, Json::error_handler_t::replace);
}

std::string rfc3339(std::chrono::system_clock::time_point time) {
  const auto since_epoch = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const std::time_t whole = seconds.count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(whole), (since_epoch - seconds).count());
}

Json command_json(const Command& command) {
  return {{"os", command.os}, {"argv", command.argv}, {"needs_root", command.needs_root}};
}

Json step_json(const RemedyStep& step) {
  return {{"summary", step.summary}, {"commands", list(step.commands, command_json)}};
}

Json evidence_json(const Evidence& evidence) {
  return {{"kind", evidence.kind}, {"source", evidence.source}, {"text", evidence.text}};
}

Json finding_json(const Finding& finding) {
  const CodeEntry* entry = find_code(finding.code);
  return {{"code", finding.code},
          {"slug", entry == nullptr ? "" : std::string(entry->slug)},
          {"severity", severity_name(finding.severity)},
          {"confidence", confidence_name(finding.confidence)},
          {"subject", {{"kind", finding.subject.kind}, {"id", finding.subject.id}}},
          {"title", finding.title},
          {"detail", finding.detail},
          {"evidence", list(finding.evidence, evidence_json)},
          {"remedy",
           {{"summary", finding.remedy.summary},
            {"commands", list(finding.remedy.commands, command_json)},
            {"steps", list(finding.remedy.steps, step_json)}}},
          {"caused_by", finding.caused_by}};
}

Json skipped_json(const Skipped& skipped) { return {{"code", skipped.code}, {"reason", skipped.reason}}; }

Json error_json(const std::optional<Error>& error) {
  if (!error) return nullptr;
  return {{"kind", error_kind_name(error->kind)}, {"message", error->message}, {"hint", or_null(error->hint)}};
}

Json target_json(const Target& target) {
  return {{"host", target.host},
          {"address", target.address.to_string()},
          {"family", family_name(target.address.family)},
          {"zone", or_null(target.zone)},
          {"other_family_address", or_null(target.other_family)}};
}

Json egress_json(const Egress& egress) {
  return {{"interface", or_null(egress.interface)},
          {"source", egress.source.is_unspecified() ? Json() : Json(egress.source.to_string())},
          {"gateway", or_null(egress.gateway)},
          {"link_mtu_bytes", or_null(egress.link_mtu_bytes)},
          {"route_mtu_bytes", or_null(egress.route_mtu_bytes)},
          {"kernel_path_mtu_bytes", or_null(egress.kernel_path_mtu_bytes)},
          {"is_tunnel", egress.is_tunnel},
          {"tunnel_kind", or_null(egress.tunnel_kind)},
          {"is_local", egress.is_local}};
}

Json bounds_json(const SizeBounds& bounds) {
  return {{"at_least_bytes", or_null(bounds.at_least_bytes)}, {"at_most_bytes", or_null(bounds.at_most_bytes)}};
}

Json band_json(const LostBand& band) { return {{"from_bytes", band.from_bytes}, {"to_bytes", band.to_bytes}}; }

Json size_json(const SizeCount& size) {
  return {{"size_bytes", size.size_bytes}, {"sent", size.sent}, {"answered", size.answered}};
}

Json hop_json(const Hop& hop) {
  return {{"ttl", hop.ttl},
          {"address", or_null(hop.address)},
          {"rtt_ms", or_null(hop.rtt)},
          {"largest_bytes", or_null(hop.largest_bytes)},
          {"reported_mtu_bytes", or_null(hop.reported_mtu_bytes)}};
}

Json constriction_json(const std::optional<Constriction>& constriction) {
  if (!constriction) return nullptr;
  return {{"from_ttl", constriction->from_ttl},
          {"from_address", or_null(constriction->from_address)},
          {"to_ttl", constriction->to_ttl},
          {"to_address", or_null(constriction->to_address)}};
}

Json message_json(const TooBigMessage& message) {
  return {{"from", message.from.to_string()},
          {"mtu_bytes", message.mtu_bytes},
          {"accepted", message.accepted},
          {"reason", or_null(message.reason)},
          {"probe_bytes", or_null(message.probe_bytes)},
          {"count", message.count}};
}

Json fragments_json(const std::optional<ReplyFragments>& fragments) {
  if (!fragments) return nullptr;
  return {{"first_fragment_bytes", or_null(fragments->first_fragment_bytes)},
          {"only_tail_arrived", fragments->only_tail_arrived}};
}

const char* port_state_name(TcpEvidence::State state) {
  switch (state) {
    case TcpEvidence::State::kOpen:
      return "open";
    case TcpEvidence::State::kRefused:
      return "refused";
    case TcpEvidence::State::kSilent:
      break;
  }
  return "silent";
}

/// True when full-size segments got through both ways, false when some way lost them, null when not both were tested.
Json carries_full_segments(const TcpEvidence& tcp) {
  if (tcp.forward_lost_bytes || tcp.reverse_lost_bytes) return false;
  return tcp.forward_full_bytes && tcp.reverse_full_bytes ? Json(true) : Json();
}

/// The diagnosis alone decides whether an MSS was clamped; without having seen one, nobody knows.
Json clamped(const TcpEvidence& tcp, const PathMtuDiagnosis& diagnosis) {
  if (!tcp.peer_mss_bytes) return nullptr;
  const auto is_clamp = [](const Finding& finding) { return finding.code == "MTU009"; };
  return std::ranges::any_of(diagnosis.findings, is_clamp);
}

Json tcp_json(const PathMtuReport& report) {
  if (!report.measurement.tcp) return nullptr;
  const TcpEvidence& tcp = *report.measurement.tcp;
  return {{"port", tcp.port},
          {"state", port_state_name(tcp.state)},
          {"sent_mss_bytes", or_null(tcp.sent_mss_bytes)},
          {"peer_mss_bytes", or_null(tcp.peer_mss_bytes)},
          {"clamped", clamped(tcp, report.diagnosis)},
          {"carries_full_segments", carries_full_segments(tcp)},
          {"forward_full_bytes", or_null(tcp.forward_full_bytes)},
          {"forward_lost_bytes", or_null(tcp.forward_lost_bytes)},
          {"reverse_full_bytes", or_null(tcp.reverse_full_bytes)},
          {"reverse_lost_bytes", or_null(tcp.reverse_lost_bytes)},
          {"notes", tcp.notes}};
}

Json explanation_json(const EncapsulationMatch& match) {
  return {{"name", match.name},
          {"underlay_bytes", match.underlay_bytes},
          {"overhead_bytes", match.overhead_bytes},
          {"likely", match.likely}};
}

Json tunnel_json(const TunnelMtuAdvice& tunnel) {
  return {{"name", tunnel.name},
          {"overhead_bytes", tunnel.overhead_bytes},
          {"interface_mtu_bytes", tunnel.interface_mtu_bytes}};
}

Json fit_json(const std::optional<TunnelMtuFit>& fit) {
  if (!fit) return nullptr;
  if (*fit == TunnelMtuFit::kTooLarge) return "too_large";
  return *fit == TunnelMtuFit::kExact ? "exact" : "could_be_raised";
}

Json advice_json(const Advice& advice) {
  return {{"interface_mtu_bytes", or_null(advice.interface_mtu_bytes)},
          {"tcp_mss_bytes", or_null(advice.tcp_mss_bytes)},
          {"encapsulation", or_null(advice.encapsulation)},
          {"tcp_mss_inet_bytes", or_null(advice.tcp_mss_inet_bytes)},
          {"tcp_mss_inet6_bytes", or_null(advice.tcp_mss_inet6_bytes)},
          {"explanations", list(advice.explanations, explanation_json)},
          {"tunnels", list(advice.tunnels, tunnel_json)},
          {"fit", fit_json(advice.fit)},
          {"fit_bytes", or_null(advice.fit_bytes)}};
}

Json probing_json(const Probing& probing) {
  return {{"method", method_name(probing.method)},
          {"privilege", or_null(probing.privilege)},
          {"changed_kernel_cache", probing.changed_kernel_cache},
          {"probes_sent", probing.probes_sent},
          {"replies_received", probing.replies_received},
          {"replies_ignored", probing.replies_ignored},
          {"bytes_sent", probing.bytes_sent},
          {"rounds", probing.rounds},
          {"elapsed_ms", number(probing.elapsed)},
          {"could_not_see", probing.could_not_see},
          {"tried", probing.tried}};
}

void add_verdict(const PathMtuReport& report, Json& out) {
  const PathMtuDiagnosis& diagnosis = report.diagnosis;
  const PathMtuMeasurement& measurement = report.measurement;
  out["path_mtu_bytes"] = or_null(diagnosis.path_mtu_bytes);
  out["path_mtu_at_least_bytes"] = or_null(diagnosis.path_mtu_at_least_bytes);
  out["path_mtu_at_most_bytes"] = or_null(diagnosis.path_mtu_at_most_bytes);
  out["lost_bands"] = list(measurement.lost_bands, band_json);
  out["reverse_path_mtu_bytes"] = or_null(diagnosis.reverse_path_mtu_bytes);
  out["status"] = path_mtu_status_name(diagnosis.status);
  out["direction"] = diagnosis.direction ? Json(direction_name(*diagnosis.direction)) : Json();
  out["undetermined_because"] = or_null(diagnosis.undetermined_because);
  out["next_steps"] = list(diagnosis.next_steps, step_json);
  out["constriction"] = constriction_json(measurement.constriction);
  out["false_claim_probability"] = or_null(measurement.false_claim_probability);
}

void add_observations(const PathMtuReport& report, Json& out) {
  const PathMtuMeasurement& measurement = report.measurement;
  out["searched"] = {{"from_bytes", measurement.min_bytes}, {"to_bytes", measurement.max_bytes}};
  out["answered"] = measurement.answered;
  out["forward"] = bounds_json(measurement.forward);
  out["round_trip"] = bounds_json(measurement.round_trip);
  out["reverse"] = measurement.reverse ? bounds_json(*measurement.reverse) : Json();
  out["reply_fragments"] = fragments_json(measurement.fragments);
  out["large_echo_filtered"] = measurement.large_echo_filtered;
  out["size_dependent_loss"] = measurement.size_dependent_loss;
  out["sizes"] = list(measurement.sizes, size_json);
  out["hops"] = list(measurement.hops, hop_json);
  out["too_big_messages"] = list(measurement.too_big, message_json);
  out["too_big_not_delivered"] = list(measurement.too_big_not_delivered, message_json);
  out["rtt_ms"] = or_null(measurement.rtt);
  out["loss_ratio"] = or_null(measurement.loss_ratio);
  out["tcp"] = tcp_json(report);
}

Json path_mtu_json(const PathMtuReport& report) {
  Json out = Json::object();
  out["target"] = target_json(report.measurement.target);
  out["egress"] = egress_json(report.measurement.egress);
  add_verdict(report, out);
  add_observations(report, out);
  out["outer"] = report.outer ? path_mtu_json(*report.outer) : Json();
  out["advice"] = advice_json(report.diagnosis.advice);
  out["probing"] = probing_json(report.measurement.probing);
  return out;
}

/// The envelope, without its last brace: `data` follows.
std::string envelope(const Report& report) {
  const Json document = {{"schema_version", "1.0"},
                         {"tool", {{"name", "vpndoctor"}, {"version", version()}}},
                         {"command", or_null(report.command)},
                         {"started_at", rfc3339(report.started_at)},
                         {"duration_ms", number(report.duration)},
                         {"verdict", verdict_name(report.verdict)},
                         {"incomplete", report.incomplete},
                         {"findings", list(report.findings, finding_json)},
                         {"skipped", list(report.skipped, skipped_json)},
                         {"error", error_json(report.error)}};
  std::string text = pretty(document);
  text.resize(text.rfind("\n}"));
  return text;
}

using Write = std::function<void(std::string_view)>;

void write_data(const Write& write, const PathMtuReport& path) { write(pretty(path_mtu_json(path))); }

void write_data(const Write& write, std::monostate /*nothing*/) { write("null"); }

Json code_json(const CodeEntry& entry) {
  return {{"code", entry.code},
          {"slug", entry.slug},
          {"severity", severity_name(entry.severity)},
          {"title", entry.title},
          {"text", entry.explanation}};
}

template <class Routes>
void write_data(const Write& write, const Routes& routes) {
  std::string pending;
  JsonWriter json(pending, [&write](std::string& text) {
    write(text);
    text.clear();
  });
  write_data(json, routes);
  write(pending);
}

}  // namespace

void render_json(const Report& report, const std::function<void(std::string_view)>& write) {
  write(envelope(report) + ",\n  \"data\": ");
  std::visit([&write](const auto& data) { write_data(write, data); }, report.data);
  write("\n}\n");
}

std::string render_code_json(const Report& report, const CodeEntry* entry) {
  Json data;
  if (entry != nullptr) {
    data = code_json(*entry);
  } else {
    data["codes"] = Json::array();
    for (const CodeEntry& each : all_codes()) data["codes"].push_back(code_json(each));
  }
  return envelope(report) + ",\n  \"data\": " + pretty(data) + "\n}\n";
}

std::string render_json(const Report& report) {
  std::string text;
  render_json(report, [&text](std::string_view piece) { text += piece; });
  return text;
}

}  // namespace vpndoctor
