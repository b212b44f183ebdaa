// SPDX-License-Identifier: Apache-2.0
// Who could have written a file, or chosen which file a name leads to. Reads no content.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "vpndoctor/result.h"

namespace vpndoctor {

/// Why the file must not be trusted that was opened as `path` and is as `opened` says: its owner or its mode, or those
/// of a folder or a symbolic link on the way to it. kPermission; null: root or the invoking user alone had a hand in
/// it.
std::optional<Error> distrust_of(const std::string& path, const struct stat& opened);

}  // namespace vpndoctor
