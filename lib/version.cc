// SPDX-License-Identifier: Apache-2.0
// The version, as the build says it.
#include "vpndoctor/version.h"

namespace vpndoctor {

const char* version() { return VPNDOCTOR_VERSION; }

}  // namespace vpndoctor
