// SPDX-License-Identifier: Apache-2.0
// Asks WireGuard, in the kernel or in user space, for a device's peers. Keys pass through memory that is wiped.
#pragma once

#include <string>

#include "vpndoctor/result.h"
#include "vpndoctor/wireguard.h"

namespace vpndoctor {

/// WG_CMD_GET_DEVICE over generic netlink. kPermission without CAP_NET_ADMIN, kUnavailable when the kernel has no
/// WireGuard or the interface is none of its.
Result<WireguardDevice> ask_kernel_wireguard(const std::string& interface);

/// `get=1` on a userspace control socket. Its lines of private and preshared keys are dropped while
/// they are read. kPermission when this user may not connect, kUnavailable when nobody
/// listens (a socket left behind by a crash), or no whole answer comes within a second.
Result<WireguardDevice> ask_userspace_wireguard(const std::string& socket_path);

}  // namespace vpndoctor
