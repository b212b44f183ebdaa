// SPDX-License-Identifier: Apache-2.0
// `data` of `routes audit`.
#include "data_json.h"

namespace vpndoctor {
namespace {

void write_exception(JsonWriter& json, const AuditException& exception) {
  json.begin_object().field("prefix", exception.prefix);
  json.field_or_null("interface", exception.interface).field_or_null("route", exception.route).key("table");
  if (exception.table == kTableUnspecified) {
    json.null();
  } else {
    json.value(exception.table);
  }
  json.field("is_expected", exception.is_expected).key("destination");
  if (exception.destination) {
    json.value(*exception.destination);
  } else {
    json.null();
  }
  json.field_or_null("decided_by", exception.decided_by == DependsOn::kNothing
                                       ? std::string{}
                                       : std::string(depends_on_name(exception.decided_by)));
  json.end_object();
}

void write_prefix(JsonWriter& json, const AuditedPrefix& audited) {
  json.new_line().begin_object();
  json.field("prefix", audited.prefix).field("status", prefix_status_name(audited.status));
  json.key("through").begin_array();
  for (const ShareThrough& each : audited.through) {
    json.begin_object().field_or_null("interface", each.interface).field("share_ratio", each.share_ratio).end_object();
  }
  json.end_array().key("exceptions").begin_array();
  for (const AuditException& each : audited.exceptions) write_exception(json, each);
  json.end_array().field("exceptions_count", audited.exceptions_count);
  json.field("has_unexpected", audited.has_unexpected).field("leaves_in_clear", audited.leaves_in_clear);
  json.field("is_only_own", audited.is_only_own).field("undecided_ratio", audited.undecided_ratio);
  json.field_or_null("uncertain", audited.uncertain).end_object();
}

}  // namespace

void write_data(JsonWriter& json, const RoutesAuditReport& report) {
  const CidrAudit& audit = report.audit;
  json.begin_object().field("interface", audit.interface);
  json.key("summary").begin_object().field("inside", audit.inside).field("outside", audit.outside);
  json.field("partial", audit.partial).field("unrouted", audit.unrouted).end_object();
  json.key("prefixes").begin_array();
  for (const AuditedPrefix& each : audit.prefixes) write_prefix(json, each);
  json.end_array().key("aggregated").begin_array();
  for (const IpPrefix& each : audit.aggregated) json.value(each);
  json.end_array().end_object();
}

}  // namespace vpndoctor
