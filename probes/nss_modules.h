// SPDX-License-Identifier: Apache-2.0
// Which modules of the name service switch are on this machine. None is loaded.
#pragma once

#include <string>
#include <vector>

#include "vpndoctor/dns_configuration.h"

namespace vpndoctor {

/// Fills `is_installed` of each service: libnss_NAME.so.2 lies in one of the loader's folders below `root`, or is a
/// part of glibc itself (files and dns, since 2.34).
void find_nss_modules(std::vector<NssService>& services, const std::string& root);

}  // namespace vpndoctor
