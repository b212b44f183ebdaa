// SPDX-License-Identifier: Apache-2.0
// `data` of `dns show`.
#include "data_json.h"

namespace vpndoctor {

void write_data(JsonWriter& json, const DnsShowReport& /*report*/) { json.begin_object().end_object(); }

}  // namespace vpndoctor
