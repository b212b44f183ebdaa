// SPDX-License-Identifier: Apache-2.0
// Puts values of the model into netlink attributes: nothing for a text that is empty and for a value that is not there.
// Each is false when the message has no room left.
#pragma once

#include <netlink/attr.h>
#include <netlink/msg.h>

#include <cstdint>
#include <optional>
#include <string>

#include "vpndoctor/ip.h"
#include "vpndoctor/prefix.h"

namespace vpndoctor {

inline bool put(nl_msg& message, int type, const IpAddress& address) {
  const auto octets = address.octets();
  return nla_put(&message, type, static_cast<int>(octets.size()), octets.data()) == 0;
}

inline bool put(nl_msg& message, int type, const IpPrefix& prefix) { return put(message, type, prefix.address); }

inline bool put(nl_msg& message, int type, std::uint32_t value) { return nla_put_u32(&message, type, value) == 0; }

inline bool put(nl_msg& message, int type, const std::string& text) {
  return text.empty() || nla_put_string(&message, type, text.c_str()) == 0;
}

template <class T>
bool put(nl_msg& message, int type, const std::optional<T>& value) {
  return !value || put(message, type, *value);
}

}  // namespace vpndoctor
