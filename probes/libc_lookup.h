// SPDX-License-Identifier: Apache-2.0
// A name by getaddrinfo(), in a child process: the C library waits for its servers as long as it likes (130 s were
// seen behind a stopped systemd-resolved), and glibc 2.36 crashes on an empty hosts line of nsswitch.conf.
#pragma once

#include <string>

#include "handles.h"
#include "vpndoctor/dns_test.h"

namespace vpndoctor {

/// Begins getaddrinfo(); what comes of it is awaited with finish_libc_lookup().
struct LibcLookup {
  Fd pipe;  ///< readable when it is over
  int pid = -1;
  std::string why_none;  ///< it could not be begun
  std::chrono::steady_clock::time_point started_at;
};
LibcLookup start_libc_lookup(const std::string& name, std::uint16_t type);

/// Waits until the child is done, `deadline` has passed since its start, or `interrupt_descriptor` (-1: none) is
/// readable; then ends it. The answer's way is "libc".
DnsWayAnswer finish_libc_lookup(LibcLookup lookup, Milliseconds deadline, int interrupt_descriptor);

}  // namespace vpndoctor
