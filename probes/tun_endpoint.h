// SPDX-License-Identifier: Apache-2.0
// Finds the remote of a tun device through the process that holds it: its connected socket, or the server that an
// OpenVPN client was told to use. Never picks one of several.
#pragma once

#include <string>

#include "tun_holder.h"
#include "vpndoctor/result.h"
#include "vpndoctor/tunnel_endpoint.h"

namespace vpndoctor {

/// What to do when nothing tells the remote.
inline constexpr const char* kNameTheServer = "name the tunnel's server with --endpoint";

/// Looks up where the holder of the tun device `interface`, one of `found`, sends to. kPermission when the holder or
/// its sockets cannot be seen by this user, kUnavailable when nothing names the remote or several could be it.
Result<TunnelEndpoint> find_tun_endpoint(const std::string& interface, const TunHolders& found);

/// What is done with a server that is known by its name only.
enum class ServerNames {
  kLookUp,  ///< the system's resolver is asked
  kLeave,   ///< it is kUnavailable: nothing is sent
};

/// The same for the processes that hold the device. Several are kUnavailable unless those that name a remote agree.
Result<TunnelEndpoint> find_endpoint_of(const std::vector<TunHolder>& holders, ServerNames names);

}  // namespace vpndoctor
