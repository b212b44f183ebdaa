// SPDX-License-Identifier: Apache-2.0
// /etc/resolv.conf as a file: where it leads, what lies over it, and the copies that VPN clients put aside.
#pragma once

#include <string>
#include <vector>

#include "vpndoctor/dns_configuration.h"

namespace vpndoctor {

/// Fills link_target, real_path, mount_source and immutable, below `root` (empty: the machine's own).
void describe_resolv_conf(ResolvConf& file, const std::string& root);

/// Looks for the backups that are known, and for a process of the program that made each.
Observed<std::vector<ResolvConfBackup>> read_resolv_conf_backups(const std::string& root);

}  // namespace vpndoctor
