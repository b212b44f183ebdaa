// SPDX-License-Identifier: Apache-2.0
// What a capture saw and what probes past the tunnel proved, in the leaks command's `data`.
#include <array>

#include "leaks_json_parts.h"
#include "units.h"
#include "vpndoctor/wire.h"

namespace vpndoctor {
namespace {

std::string protocol_name(std::uint8_t number) {
  switch (number) {
    case kProtocolIcmp:
      return "icmp";
    case kProtocolTcp:
      return "tcp";
    case kProtocolUdp:
      return "udp";
    case kProtocolIcmp6:
      return "icmpv6";
    default:
      return std::to_string(number);
  }
}

std::optional<std::uint16_t> port_or_null(std::uint16_t port) { return port == 0 ? std::nullopt : std::optional(port); }

void write_leak(JsonWriter& json, const CaptureLeak& leak) {
  json.new_line().begin_object().field("destination", leak.destination).field("port", port_or_null(leak.port));
  json.field("protocol", protocol_name(leak.ip_protocol)).field_or_null("kind", leak.kind);
  json.field_or_null("reason", leak.reason).field("packets", leak.packets).field("bytes", leak.bytes).key("process");
  if (leak.owner) {
    json.begin_object().field("pid", leak.owner->pid).field_or_null("name", leak.owner->name).end_object();
  } else {
    json.null();
  }
  json.field_or_null("bound_interface", leak.bound_interface).field_or_null("interface", leak.interface);
  json.field("source", leak.source).field("source_port", port_or_null(leak.source_port));
  json.field("first_at", timestamp(leak.first_at)).field("flows", leak.flows);
  // Without the process that sent it, it may be another machine's, its source masqueraded.
  const bool is_told = leak.is_forwarded || leak.owner;
  json.field("is_midstream", leak.is_midstream);
  json.field("is_forwarded", is_told ? std::optional(leak.is_forwarded) : std::nullopt).end_object();
}

void write_counts(JsonWriter& json, const CaptureCounts& counts) {
  json.key("no_leak").begin_object().field("tunnel", counts.tunnel).field("control", counts.control);
  json.field("local", counts.local).field("by_configuration", counts.by_configuration);
  json.field("replies", counts.replies);
  json.field("incoming", counts.incoming).field("foreign", counts.foreign).end_object();
  json.field("undecided", counts.undecided);
}

const char* outcome_name(BypassOutcome outcome) {
  constexpr std::array kNames = {"silence", "answer", "refused", "no_way"};
  return kNames[static_cast<std::size_t>(outcome)];
}

void write_probe(JsonWriter& json, const BypassProbe& probe) {
  json.begin_object().field("interface", probe.interface).field("ttl", probe.ttl).field("protocol", probe.protocol);
  json.field("outcome", outcome_name(probe.outcome))
      .field("answered_by", probe.answered_by)
      .field_or_null("error", probe.error)
      .end_object();
}

}  // namespace

void write_capture(JsonWriter& json, const std::optional<CaptureResult>& capture) {
  if (!capture) {
    json.null();
    return;
  }
  json.begin_object().field("interfaces", capture->interfaces).field("seconds", capture->seconds);
  json.field("packets", capture->packets);
  // A file does not tell what was lost when it was made.
  const bool is_not_told = !capture->file.empty() && capture->dropped == 0;
  json.field("dropped", is_not_told ? std::nullopt : std::optional(capture->dropped));
  json.key("control").begin_object().field("seen", capture->control_seen);
  json.field_or_null("text", capture->control).end_object().key("leaks").begin_array();
  for (const CaptureLeak& leak : capture->leaks) write_leak(json, leak);
  json.end_array().field("leaks_are_cut", capture->is_cut).field("leak_packets", capture->leak_packets);
  json.field_or_null("proves_nothing_because", why_unanswered(*capture));
  write_counts(json, capture->counts);
  json.field("untold", capture->untold).field_or_null("untold_because", capture->why_untold);
  json.field("limits", capture->limits).field_or_null("file", capture->file);
  json.field_or_null("written_to", capture->written_to).end_object();
}

void write_bypass(JsonWriter& json, const std::optional<BypassTest>& bypass) {
  if (!bypass) {
    json.null();
    return;
  }
  json.begin_object().field("host", bypass->host);
  json.field("target", bypass->target.is_unspecified() ? std::nullopt : std::optional(bypass->target));
  json.field("can_bypass", can_bypass(*bypass)).field_or_null("why_not_tried", bypass->why_not);
  json.field("interfaces", bypass->interfaces).key("probes").begin_array();
  for (const BypassProbe& probe : bypass->probes) write_probe(json, probe);
  json.end_array().end_object();
}

}  // namespace vpndoctor
