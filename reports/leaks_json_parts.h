// SPDX-License-Identifier: Apache-2.0
// The parts of the leaks command's `data`.
#pragma once

#include "data_json.h"

namespace vpndoctor {

/// Each writes one value: the array, the object, or null with its reason in another field.
void write_tunnels(JsonWriter& json, const LeaksReport& report);
void write_coverage(JsonWriter& json, const Coverage& coverage);
void write_capture(JsonWriter& json, const std::optional<CaptureResult>& capture);
void write_bypass(JsonWriter& json, const std::optional<BypassTest>& bypass);

}  // namespace vpndoctor
