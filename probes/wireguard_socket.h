// SPDX-License-Identifier: Apache-2.0
// Finds the control socket of a userspace WireGuard that belongs to this network namespace: the directory of such
// sockets is shared by all namespaces, and the interface of another may have the same name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vpndoctor {

/// Returns the path of the socket that is listened on for `interface`, empty when there is none in this namespace (a
/// file left behind by a crash is none).
std::string wireguard_control_socket(const std::string& interface);

/// Parses /proc/net/unix to the paths of sockets that are listened on; lines that are not understood are skipped.
std::vector<std::string> listening_unix_sockets(std::string_view text);

}  // namespace vpndoctor
