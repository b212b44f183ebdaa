// SPDX-License-Identifier: Apache-2.0
// Reads what configures name resolution on this machine. Runs no command, starts no service, and sends nothing but a
// CHAOS question to a dnsmasq on a loopback address.
#pragma once

#include "vpndoctor/snapshot.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// Reads every source into `snapshot.dns`. Looks at the snapshot's links, addresses and namespace; never fails: what
/// could not be read is missing with its reason. At most about a second a daemon that does not answer.
void read_dns_configuration(Snapshot& snapshot);

}  // namespace vpndoctor
