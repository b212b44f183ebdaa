// SPDX-License-Identifier: Apache-2.0
// Which file a listening unix socket is bound to, from the kernel's socket diagnostics (linux/unix_diag.h). Only
// sockets of this network namespace.
#pragma once

#include <cstdint>
#include <optional>

#include "netlink_attributes.h"

namespace vpndoctor {

/// Asks for the inode of the file, its low 32 bits; nullopt when the kernel does not tell.
std::optional<std::uint32_t> bound_file_inode(std::uint64_t socket_inode);

/// Decodes the answer (struct unix_diag_msg and attributes) for that; nullopt when it is not in it.
std::optional<std::uint32_t> decode_bound_file(Bytes payload);

}  // namespace vpndoctor
