// SPDX-License-Identifier: Apache-2.0
// `data` of routes restore: the operations in their order, what they leave alone, and what became of them.
#include "data_json.h"

namespace vpndoctor {
namespace {

void write_operation(JsonWriter& json, const RestoreOperation& operation) {
  json.new_line().begin_object();
  json.field("action", restore_action_name(operation.action)).field("object", operation.object_name());
  json.key("argv").value(std::span<const std::string>(operation.argv));
  json.field("reason", operation.reason).field("applicable", operation.applicable);
  json.field_or_null("why_not", operation.why_not).field("optional", operation.optional);
  json.field_or_null("source", operation.source).field("confidence", confidence_name(operation.confidence));
  json.end_object();
}

void write_managers(JsonWriter& json, const std::vector<TableManager>& managers) {
  json.key("managers").begin_array();
  for (const TableManager& manager : managers) {
    json.begin_object().field("name", manager.name).field("evidence", manager.evidence).end_object();
  }
  json.end_array();
}

}  // namespace

void write_data(JsonWriter& json, const RoutesRestoreReport& report) {
  json.begin_object();
  json.field_or_null("baseline", report.baseline_name);
  json.field("os", report.plan.platform == Platform::kMacos ? "macos" : "linux");
  json.key("operations").begin_array();
  for (const RestoreOperation& operation : report.plan.operations) write_operation(json, operation);
  json.end_array();
  json.field("pending", report.applied ? 0 : report.plan.pending());
  json.field("applied", report.applied).field("verified", report.verified);
  json.field("rolled_back", report.rolled_back).field("confirmed", report.confirmed);
  write_managers(json, report.plan.managers);
  json.key("notes").value(std::span<const std::string>(report.plan.notes));
  json.key("unanswered").value(std::span<const std::string>(report.plan.unanswered));
  json.key("messages").value(std::span<const std::string>(report.messages));
  json.end_object();
}

}  // namespace vpndoctor
