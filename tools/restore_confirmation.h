// SPDX-License-Identifier: Apache-2.0
// The socket through which another shell confirms a restore: an abstract name, which belongs to the network namespace
// that was changed, with the kernel's word for who is at the other end.
#pragma once

#include <sys/types.h>

#include "vpndoctor/result.h"

namespace vpndoctor {

/// Binds and listens. kUnavailable when somebody else does.
Result<int> listen_for_confirmation();

/// Takes one caller; true when root or `user` confirmed. What others say is dropped.
bool take_confirmation(int listener, uid_t user);

}  // namespace vpndoctor
