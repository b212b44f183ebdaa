// SPDX-License-Identifier: Apache-2.0
// Whether the name service cache daemon answers lookups before anything else.
#pragma once

#include <string>

#include "vpndoctor/dns_configuration.h"

namespace vpndoctor {

/// Connects to nscd's socket below `root` and hangs up; nothing is asked. Reads its configuration.
Observed<NameServiceCache> read_name_service_cache(const std::string& root);

}  // namespace vpndoctor
