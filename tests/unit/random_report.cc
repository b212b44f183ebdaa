// SPDX-License-Identifier: Apache-2.0
// Random reports. Keeps the few promises that the data types make: ascending sizes and hops, an exact value inside
// its range.
#include "random_report.h"

#include <array>
#include <string_view>

#include "report_draw.h"
#include "vpndoctor/codes.h"

namespace vpndoctor::test {
namespace {

using std::chrono::milliseconds;
using namespace std::string_view_literals;

class Draw : public ReportDraw {
 public:
  using ReportDraw::ReportDraw;

  std::uint32_t size() { return static_cast<std::uint32_t>(1 + below(9000)); }
  std::uint16_t port() { return static_cast<std::uint16_t>(1 + below(65535)); }
  std::optional<std::uint32_t> maybe_size() { return chance() ? std::optional(size()) : std::nullopt; }
  std::optional<std::uint16_t> maybe_mss() { return chance() ? std::optional(port()) : std::nullopt; }
  std::optional<Milliseconds> maybe_ms() {
    return chance() ? std::optional(Milliseconds(static_cast<double>(below(5'000'000)) / 777)) : std::nullopt;
  }
  std::optional<double> maybe_ratio() {
    return chance() ? std::optional(static_cast<double>(below(1001)) / 1000) : std::nullopt;
  }
  std::string code() { return std::string(all_codes()[below(all_codes().size())].code); }
};

SizeBounds random_bounds(Draw& draw) {
  SizeBounds bounds{draw.maybe_size(), draw.maybe_size()};
  if (bounds.at_least_bytes && bounds.at_most_bytes && *bounds.at_least_bytes > *bounds.at_most_bytes) {
    std::swap(bounds.at_least_bytes, bounds.at_most_bytes);
  }
  return bounds;
}

Finding random_finding(Draw& draw) {
  Finding finding;
  finding.code = draw.code();
  finding.severity = draw.one_of(std::array{Severity::kNotice, Severity::kWarning, Severity::kError});
  finding.confidence = draw.one_of(std::array{Confidence::kSuspected, Confidence::kLikely, Confidence::kProven});
  finding.subject = {"path", draw.text()};
  finding.title = draw.text();
  finding.detail = draw.chance() ? draw.text() : "";
  for (std::uint64_t i = draw.below(6); i > 0; --i) finding.evidence.push_back({"probe", draw.text(), draw.text()});
  finding.remedy.summary = draw.chance() ? draw.text() : "";
  for (std::uint64_t i = draw.below(4); i > 0; --i) {
    Command command{
        draw.one_of(std::array<std::string, 4>{"linux", "macos", "wireguard", "openvpn"}), {}, draw.chance()};
    for (std::uint64_t words = 1 + draw.below(6); words > 0; --words) command.argv.push_back(draw.text());
    finding.remedy.commands.push_back(std::move(command));
  }
  if (draw.chance()) finding.remedy.steps = {{draw.text(), finding.remedy.commands}, {draw.text(), {}}};
  if (draw.chance()) finding.caused_by.push_back(draw.code());
  return finding;
}

TooBigMessage random_message(Draw& draw) {
  TooBigMessage message;
  message.from = draw.address();
  message.mtu_bytes = draw.chance() ? draw.size() : 0;
  message.probe_bytes = draw.maybe_size();
  message.accepted = draw.chance();
  message.reason = message.accepted ? "" : draw.text();
  message.count = static_cast<std::uint32_t>(1 + draw.below(5));
  return message;
}

void fill_hops(Draw& draw, PathMtuMeasurement& measurement) {
  for (std::uint8_t ttl = 1; ttl <= draw.below(12); ++ttl) {
    measurement.hops.push_back({ttl, draw.maybe_address(), draw.maybe_ms(), draw.maybe_size(), draw.maybe_size()});
  }
  if (draw.chance()) {
    const auto ttl = static_cast<std::uint8_t>(draw.below(12));
    measurement.constriction = {ttl, draw.maybe_address(), static_cast<std::uint8_t>(ttl + 1), draw.maybe_address()};
  }
}

void fill_sizes(Draw& draw, PathMtuMeasurement& measurement) {
  std::uint32_t size = 60;
  for (std::uint64_t i = draw.below(60); i > 0; --i) {
    size += static_cast<std::uint32_t>(1 + draw.below(200));
    const auto sent = static_cast<std::uint32_t>(draw.below(9));
    measurement.sizes.push_back({size, sent, static_cast<std::uint32_t>(draw.below(sent + 1))});
  }
}

TcpEvidence random_tcp(Draw& draw) {
  TcpEvidence tcp;
  tcp.port = draw.port();
  using State = TcpEvidence::State;
  tcp.state = draw.one_of(std::array{State::kOpen, State::kRefused, State::kSilent});
  tcp.sent_mss_bytes = draw.maybe_mss();
  tcp.peer_mss_bytes = draw.maybe_mss();
  tcp.forward_full_bytes = draw.maybe_size();
  tcp.forward_lost_bytes = draw.maybe_size();
  tcp.reverse_full_bytes = draw.maybe_size();
  tcp.reverse_lost_bytes = draw.maybe_size();
  tcp.notes = draw.texts();
  return tcp;
}

Probing random_probing(Draw& draw) {
  Probing probing;
  probing.method = draw.one_of(std::array{Method::kEcho, Method::kUdp, Method::kTcp});
  probing.privilege = draw.one_of(std::array<std::string, 4>{"raw", "ping-socket", "unprivileged", ""});
  probing.changed_kernel_cache = draw.chance();
  probing.probes_sent = draw.below(100'000);
  probing.replies_received = draw.below(100'000);
  probing.replies_ignored = draw.below(3);
  probing.bytes_sent = draw.below(1'000'000'000);
  probing.rounds = static_cast<std::uint32_t>(draw.below(100));
  probing.elapsed = draw.maybe_ms().value_or(Milliseconds{});
  probing.could_not_see = draw.texts();
  probing.tried = draw.texts();
  return probing;
}

Egress random_egress(Draw& draw) {
  Egress egress;
  egress.interface = draw.chance() ? draw.text() : "";
  egress.source = draw.address();
  egress.gateway = draw.maybe_address();
  egress.link_mtu_bytes = draw.maybe_size();
  egress.route_mtu_bytes = draw.maybe_size();
  egress.kernel_path_mtu_bytes = draw.maybe_size();
  egress.is_tunnel = draw.chance();
  egress.tunnel_kind = egress.is_tunnel ? draw.text() : "";
  egress.is_local = draw.below(10) == 0;
  return egress;
}

PathMtuMeasurement random_measurement(Draw& draw) {
  PathMtuMeasurement measurement;
  measurement.target = {draw.text(), draw.address(), draw.chance() ? draw.text() : "", draw.maybe_address()};
  measurement.egress = random_egress(draw);
  measurement.min_bytes = draw.size();
  measurement.max_bytes = draw.size();
  measurement.answered = draw.chance();
  measurement.round_trip = random_bounds(draw);
  measurement.forward = random_bounds(draw);
  measurement.false_claim_probability = draw.maybe_ratio();
  if (draw.chance()) measurement.reverse = random_bounds(draw);
  measurement.large_echo_filtered = draw.chance();
  fill_sizes(draw, measurement);
  fill_hops(draw, measurement);
  for (std::uint64_t i = draw.below(8); i > 0; --i) measurement.too_big.push_back(random_message(draw));
  for (std::uint64_t i = draw.below(3); i > 0; --i) measurement.too_big_not_delivered.push_back(random_message(draw));
  if (draw.chance()) measurement.fragments = {draw.maybe_size(), draw.chance()};
  if (draw.chance()) measurement.tcp = random_tcp(draw);
  measurement.rtt = draw.maybe_ms();
  measurement.loss_ratio = draw.maybe_ratio();
  measurement.size_dependent_loss = draw.chance();
  measurement.probing = random_probing(draw);
  return measurement;
}

Advice random_advice(Draw& draw) {
  Advice advice;
  advice.interface_mtu_bytes = draw.maybe_size();
  advice.tcp_mss_bytes = draw.maybe_size();
  advice.tcp_mss_inet_bytes = draw.maybe_size();
  advice.tcp_mss_inet6_bytes = draw.maybe_size();
  advice.encapsulation = draw.chance() ? draw.text() : "";
  for (std::uint64_t i = draw.below(4); i > 0; --i) {
    advice.explanations.push_back(
        {draw.text(), 9000 + draw.size(), static_cast<std::uint32_t>(draw.below(200)), draw.chance()});
    advice.tunnels.push_back({draw.text(), static_cast<std::uint32_t>(draw.below(200)), draw.size()});
  }
  if (draw.chance()) {
    advice.fit = draw.one_of(std::array{TunnelMtuFit::kTooLarge, TunnelMtuFit::kExact, TunnelMtuFit::kCouldBeRaised});
    advice.fit_bytes = static_cast<std::int32_t>(draw.below(400)) - 200;
  }
  return advice;
}

PathMtuDiagnosis random_diagnosis(Draw& draw) {
  PathMtuDiagnosis diagnosis;
  using S = PathMtuStatus;
  diagnosis.status =
      draw.one_of(std::array{S::kBlackHole, S::kMisreported, S::kSignalled, S::kClear, S::kUndetermined});
  if (diagnosis.status == S::kBlackHole && draw.chance()) {
    diagnosis.direction = draw.one_of(std::array{Direction::kForward, Direction::kReverse, Direction::kBoth});
  }
  const SizeBounds bounds = random_bounds(draw);
  diagnosis.path_mtu_at_least_bytes = bounds.at_least_bytes;
  diagnosis.path_mtu_at_most_bytes = bounds.at_most_bytes;
  if (bounds.at_least_bytes && draw.chance()) {
    diagnosis.path_mtu_at_most_bytes = diagnosis.path_mtu_bytes = bounds.at_least_bytes;
  }
  diagnosis.reverse_path_mtu_bytes = draw.maybe_size();
  if (diagnosis.status == S::kUndetermined) diagnosis.undetermined_because = draw.text();
  diagnosis.advice = random_advice(draw);
  return diagnosis;
}

PathMtuReport random_path(Draw& draw) {
  PathMtuReport path;
  path.measurement = random_measurement(draw);
  path.diagnosis = random_diagnosis(draw);
  if (path.diagnosis.status != PathMtuStatus::kClear && draw.chance()) {
    path.measurement.lost_bands.push_back({1320, 1410});
  }
  return path;
}

}  // namespace

std::string hostile_text(std::mt19937_64& random) {
  static constexpr std::array kPieces = {"word"sv,
                                         "  "sv,
                                         "\x1b[31m"sv,
                                         "\n"sv,
                                         "\r"sv,
                                         "\x07"sv,
                                         "\x7f"sv,
                                         "\xc2\x9b"sv,
                                         "\xe2\x80\xae"sv,
                                         "\xe2\x81\xa6"sv,
                                         "\xff\xfe"sv,
                                         "\xc0\x80"sv,
                                         "\xed\xa0\x80"sv,
                                         "m\xc3\xbcnchen"sv,
                                         "\xe6\x97\xa5\xe6\x9c\xac"sv,
                                         "e\xcc\x81"sv,
                                         "\xf0\x9f\x94\xa5"sv,
                                         "'"sv,
                                         "\\"sv,
                                         "{}"sv,
                                         "%s"sv,
                                         "\"</script>"sv,
                                         "\0"sv,
                                         "\xe2\x80\xa8"sv,
                                         "\xef\xbb\xbf"sv,
                                         "--"sv};
  Draw draw(random);
  std::string text = "x";
  for (std::uint64_t i = draw.below(12); i > 0; --i) {
    text += kPieces[draw.below(kPieces.size())];
    if (draw.chance()) text += ' ';
    if (draw.below(20) == 0) text.append(draw.below(300), 'w');
  }
  return text;
}

Report random_report(std::mt19937_64& random) {
  Draw draw(random);
  Report report;
  report.command = "mtu";
  report.started_at = std::chrono::system_clock::time_point(milliseconds(draw.below(4'000'000'000'000)));
  report.duration = draw.maybe_ms().value_or(Milliseconds{});
  report.incomplete = draw.chance();
  if (draw.below(10) == 0) {
    report.error = Error{ErrorKind::kUnknownHost, draw.text(), draw.chance() ? draw.text() : ""};
    return report;
  }
  for (std::uint64_t i = draw.below(5); i > 0; --i) report.findings.push_back(random_finding(draw));
  for (std::uint64_t i = draw.below(3); i > 0; --i) report.skipped.push_back({draw.code(), draw.text()});
  report.verdict = decide_verdict(report.findings, FailOn::kError, draw.chance());
  PathMtuReport path = random_path(draw);
  if (draw.chance()) path.outer = std::make_unique<PathMtuReport>(random_path(draw));
  report.data = std::move(path);
  return report;
}

}  // namespace vpndoctor::test
