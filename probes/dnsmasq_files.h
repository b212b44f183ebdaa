// SPDX-License-Identifier: Apache-2.0
// The configuration of a running dnsmasq: its arguments and the files that they lead to, seen from its own root.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "vpndoctor/dnsmasq_options.h"

namespace vpndoctor {

struct DnsmasqFiles {
  DnsmasqOptions options;
  std::vector<std::string> unreadable;  ///< files and folders that could not be read, the first few
};

/// Reads the arguments of the process and, when they or the default lead there, its files: at most 200 of 1 MiB.
DnsmasqFiles read_dnsmasq_configuration(pid_t pid);

}  // namespace vpndoctor
