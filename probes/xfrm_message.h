// SPDX-License-Identifier: Apache-2.0
// Decodes the kernel's messages of IPsec policies and states (linux/xfrm.h) from bytes. Pure. Attributes that hold keys
// are skipped unread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "netlink_attributes.h"
#include "vpndoctor/xfrm.h"

namespace vpndoctor {

/// The name of an interface by its index; never empty for another index than 0.
using InterfaceNamer = std::function<std::string(int)>;

/// What became of a message.
enum class XfrmTaken {
  kTaken,
  kLeftOut,        ///< a policy of a single socket: direction 3 or 4 (XFRM_POLICY_MAX and the socket's own)
  kNotUnderstood,  ///< a policy of another type than the main one (XFRM_POLICY_TYPE_SUB)
  kMalformed,
};

/// Adds the policy of an XFRM_MSG_NEWPOLICY (xfrm_userpolicy_info and attributes).
XfrmTaken take_xfrm_policy(Bytes payload, const InterfaceNamer& name_of, std::vector<XfrmPolicy>& policies);
/// Adds the state of an XFRM_MSG_NEWSA (xfrm_usersa_info and attributes).
XfrmTaken take_xfrm_state(Bytes payload, std::vector<XfrmState>& states);
/// Whether an answer to XFRM_MSG_GETDEFAULT says that outgoing packets are blocked; nullopt when it is malformed.
std::optional<bool> decode_xfrm_default(Bytes payload);
/// Whether a table /proc/net/netlink has a socket of that kind of netlink: the kernel's own is there as soon as the
/// module is. Nullopt when it is no such table.
std::optional<bool> lists_netlink_protocol(std::string_view table, unsigned protocol);

}  // namespace vpndoctor
