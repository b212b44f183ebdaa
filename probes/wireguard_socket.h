// SPDX-License-Identifier: Apache-2.0
// Finds the control socket of a userspace WireGuard: one that a holder of the interface listens on. Names prove
// nothing: the directory of such sockets is shared by all namespaces, and any root process may put a socket there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tun_holder.h"

namespace vpndoctor {

struct WireguardControl {
  std::string path;  ///< to connect to; empty: there is none, or none that is believed
  std::string
      not_believed;  ///< why the socket of the interface's name is not asked, a phrase; empty: it is, or is none
};

/// Looks among the sockets that these processes listen on, in their namespaces and below their roots.
WireguardControl find_wireguard_control(const std::string& interface, const std::vector<TunHolder>& holders);

/// True when some process of this namespace listens on the control socket of the interface's name. No proof that it is
/// the interface's: for where nobody may see who holds that.
bool listens_as_wireguard(const std::string& interface);

/// A unix socket that is listened on.
struct ListeningSocket {
  std::uint64_t inode = 0;  ///< as in the links of /proc/PID/fd
  std::string path;
  bool operator==(const ListeningSocket&) const = default;
};

/// Parses /proc/net/unix to the sockets with a path that are listened on; lines that are not understood are skipped.
std::vector<ListeningSocket> listening_unix_sockets(std::string_view text);

}  // namespace vpndoctor
