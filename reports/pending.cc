// SPDX-License-Identifier: Apache-2.0
// Weak answers while a part is being written; goes away with the last of them.
#include "data_json.h"
#include "routes_text.h"

namespace vpndoctor {

[[gnu::weak]] bool SnapshotDiff::is_partial() const { return false; }
[[gnu::weak]] std::string routes_headline(const RoutesShowReport&) { return {}; }
[[gnu::weak]] std::string routes_headline(const RoutesDiffReport&) { return {}; }
[[gnu::weak]] std::string routes_headline(const RoutesExplainReport&) { return {}; }
[[gnu::weak]] std::string routes_headline(const RoutesAuditReport&) { return {}; }
[[gnu::weak]] std::string routes_headline(const RoutesRestoreReport&) { return {}; }
[[gnu::weak]] void write_sections(const RoutesShowReport&, Page&) {}
[[gnu::weak]] void write_sections(const RoutesDiffReport&, Page&) {}
[[gnu::weak]] void write_sections(const RoutesExplainReport&, Page&) {}
[[gnu::weak]] void write_sections(const RoutesAuditReport&, Page&) {}
[[gnu::weak]] void write_sections(const RoutesRestoreReport&, Page&) {}
[[gnu::weak]] void write_data(JsonWriter& json, const RoutesShowReport&) { json.null(); }
[[gnu::weak]] void write_data(JsonWriter& json, const RoutesDiffReport&) { json.null(); }
[[gnu::weak]] void write_data(JsonWriter& json, const RoutesExplainReport&) { json.null(); }
[[gnu::weak]] void write_data(JsonWriter& json, const RoutesAuditReport&) { json.null(); }
[[gnu::weak]] void write_data(JsonWriter& json, const RoutesRestoreReport&) { json.null(); }

}  // namespace vpndoctor
