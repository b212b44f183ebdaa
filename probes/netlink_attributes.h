// SPDX-License-Identifier: Apache-2.0
// Walks netlink attributes in received bytes without trusting them: every length is checked against what is there.
// Pure; the host's byte order, as netlink has it. Knows no attribute's meaning.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace vpndoctor {

using Bytes = std::span<const std::byte>;

/// Copies a T from `offset`; nullopt when it does not fit in `bytes`.
template <class T>
std::optional<T> read_at(Bytes bytes, std::size_t offset = 0) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

/// Returns what follows the first `count` bytes, rounded up to netlink's alignment of 4; empty when there is less.
Bytes after_aligned(Bytes bytes, std::size_t count);

/// One attribute: its type without the nested and byte-order flags, and its payload.
struct NetlinkAttribute {
  std::uint16_t type = 0;
  Bytes payload;

  /// Reads the payload as an integer of exactly this width; nullopt when its length differs.
  template <class T>
  std::optional<T> as() const {
    return payload.size() == sizeof(T) ? read_at<T>(payload) : std::nullopt;
  }
  /// Returns the text up to the first NUL or the end of the payload.
  std::string text() const;
};

/// Takes the next attribute off the front of `rest`; nullopt at the end and at the first malformed one.
std::optional<NetlinkAttribute> next_attribute(Bytes& rest);

/// Hands every attribute to `take`, which returns false for one that is malformed. False when one was, or when bytes
/// are left over that are no attribute: then the message is not to be believed.
template <class Take>
bool for_each_attribute(Bytes attributes, const Take& take) {
  while (const auto attribute = next_attribute(attributes)) {
    if (!take(*attribute)) return false;
  }
  return attributes.empty();
}

/// Finds the last attribute of that type, as the kernel's parser does; nullopt when there is none.
std::optional<NetlinkAttribute> find_attribute(Bytes attributes, std::uint16_t type);

}  // namespace vpndoctor
