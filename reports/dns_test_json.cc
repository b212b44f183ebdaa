// SPDX-License-Identifier: Apache-2.0
// `data` of `dns test`.
#include "data_json.h"

namespace vpndoctor {

void write_data(JsonWriter& json, const DnsTestReport& /*report*/) { json.begin_object().end_object(); }

}  // namespace vpndoctor
