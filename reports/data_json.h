// SPDX-License-Identifier: Apache-2.0
// The JSON of each routes or dns command's `data`. Text pieces rather than a tree: a million routes are only appended.
#pragma once

#include "vpndoctor/capture_flows.h"
#include "vpndoctor/dns_report.h"
#include "vpndoctor/json_writer.h"
#include "vpndoctor/leaks_report.h"
#include "vpndoctor/routes_report.h"

namespace vpndoctor {

/// Each writes one object, as reports/schema/report-1.schema.json describes it.
void write_data(JsonWriter& json, const RoutesShowReport& report);
void write_data(JsonWriter& json, const RoutesDiffReport& report);
void write_data(JsonWriter& json, const RoutesExplainReport& report);
void write_data(JsonWriter& json, const RoutesAuditReport& report);
void write_data(JsonWriter& json, const RoutesRestoreReport& report);
void write_data(JsonWriter& json, const DnsShowReport& report);
void write_data(JsonWriter& json, const DnsExplainReport& report);
void write_data(JsonWriter& json, const DnsTestReport& report);
void write_data(JsonWriter& json, const LeaksReport& report);
void write_data(JsonWriter& json, const CaptureFlows& flows);

/// Writes where a facet of the snapshot is from, or why it is missing.
template <class T>
void write_source(JsonWriter& json, const char* name, const Observed<T>& facet) {
  json.new_line().begin_object().field("name", name).field("known", facet.is_known());
  json.field_or_null("source", facet ? facet.source() : "").field("limits", facet.limits());
  json.field_or_null("why_missing", facet ? "" : facet.why_missing()).end_object();
}

}  // namespace vpndoctor
