// SPDX-License-Identifier: Apache-2.0
// The version of systemd that a daemon is, where it does not tell it: by the library that is made for that version
// alone, libsystemd-shared-252.so.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace vpndoctor {

/// The version of the library that the process has loaded; null when that may not be read.
std::optional<unsigned> systemd_version_of(pid_t pid);

/// The version of the library below `root`; null when there is none, or more than one version.
std::optional<unsigned> systemd_version_on_disk(const std::string& root);

}  // namespace vpndoctor
