// SPDX-License-Identifier: Apache-2.0
// `data` of `routes explain`, also one line of its bulk answers.
#include "data_json.h"
#include "vpndoctor/render.h"

namespace vpndoctor {
namespace {

void write_flow(JsonWriter& json, const Flow& flow, bool uid_was_given) {
  json.begin_object().field("destination", flow.destination).field("source", flow.source).field("mark", flow.mark);
  json.field_or_null("input_interface", flow.input_interface).field_or_null("output_interface", flow.output_interface);
  json.field("uid", flow.uid).field("uid_was_given", uid_was_given).field("tos", flow.tos);
  json.field("ip_protocol", flow.ip_protocol).field("source_port", flow.source_port);
  json.field("destination_port", flow.destination_port).end_object();
}

void write_table(JsonWriter& json, std::optional<std::uint32_t> table) {
  json.key("table");
  if (table && *table != kTableUnspecified) {
    json.value(*table);
  } else {
    json.null();
  }
}

void write_result(JsonWriter& json, const FlowAnswer& answer) {
  json.begin_object().field("type", flow_fate_name(answer.fate)).field_or_null("interface", answer.interface);
  json.field("gateway", answer.gateway).field("source", answer.source);
  write_table(json, answer.table);
  json.key("destination");
  if (answer.route != nullptr) {
    json.value(answer.route->destination);
  } else {
    json.null();
  }
  json.end_object();
}

void write_steps(JsonWriter& json, const std::vector<FlowStep>& steps) {
  json.begin_array();
  for (const FlowStep& step : steps) {
    json.begin_object().field("priority", step.priority).field_or_null("rule", step.rule);
    write_table(json, step.table);
    json.field("outcome", step.outcome).end_object();
  }
  json.end_array();
}

void write_candidates(JsonWriter& json, const std::vector<FlowWay>& ways) {
  json.begin_array();
  for (const FlowWay& way : ways) {
    json.begin_object().field_or_null("interface", way.interface).field("gateway", way.gateway);
    json.field("weight", way.weight).end_object();
  }
  json.end_array();
}

}  // namespace

void write_data(JsonWriter& json, const RoutesExplainReport& report) {
  const FlowAnswer& answer = report.explanation.answer;
  json.begin_object().key("flow");
  write_flow(json, report.flow, report.uid_was_given);
  json.key("result");
  write_result(json, answer);
  json.key("steps");
  write_steps(json, report.explanation.steps);
  json.field("certain", answer.uncertain.empty()).field_or_null("uncertain_because", answer.uncertain);
  json.field_or_null("depends_on", answer.depends_on == DependsOn::kNothing ? "" : depends_on_name(answer.depends_on));
  json.key("candidates");
  write_candidates(json, answer.candidates);
  json.field_or_null("hypothesis", report.hypothesis).end_object();
}

std::string render_flow_json(const RoutesExplainReport& report) {
  std::string text;
  JsonWriter json(text);
  write_data(json, report);
  return text + "\n";
}

std::string render_flow_error_json(const Error& error) {
  std::string text;
  JsonWriter json(text);
  json.begin_object().key("error").begin_object();
  json.field("kind", error_kind_name(error.kind)).field("message", error.message);
  json.field_or_null("hint", error.hint).end_object().end_object();
  return text + "\n";
}

}  // namespace vpndoctor
