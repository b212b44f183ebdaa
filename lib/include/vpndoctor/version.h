// SPDX-License-Identifier: Apache-2.0
// The version of the library that is running, which need not be the one that a program was compiled with.
#pragma once

namespace [[gnu::visibility("default")]] vpndoctor {

/// Returns the library's version, e.g. "0.1.0".
const char* version();

}  // namespace vpndoctor
