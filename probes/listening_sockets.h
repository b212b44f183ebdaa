// SPDX-License-Identifier: Apache-2.0
// Where programs of this network namespace listen for TCP, from the kernel's socket diagnosis (sock_diag(7)):
// /proc/net/tcp walks through every bucket of the connection table, which takes milliseconds.
#pragma once

#include <optional>
#include <vector>

#include "netlink_attributes.h"
#include "process_sockets.h"

namespace vpndoctor {

/// Lists the listening TCP sockets of both families; nullopt when the kernel has no such diagnosis (CONFIG_INET_DIAG).
std::optional<std::vector<InternetSocket>> listening_tcp_sockets();

/// Decodes one answer (struct inet_diag_msg of linux/inet_diag.h); nullopt when it is cut short or of another family.
std::optional<InternetSocket> decode_socket_diagnosis(Bytes payload);

}  // namespace vpndoctor
