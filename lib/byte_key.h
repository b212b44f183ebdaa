// SPDX-License-Identifier: Apache-2.0
// Writes values one after the other into bytes such that two values give the same bytes only when they are equal: a key
// to sort and to hash by. Not for storage: the host's byte order.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "vpndoctor/prefix.h"

namespace vpndoctor {

class ByteKey {
 public:
  template <std::integral Integer>
  ByteKey& put(Integer number) {
    bytes_.append(reinterpret_cast<const char*>(&number), sizeof number);
    return *this;
  }
  ByteKey& put(std::string_view text) {
    put(text.size());
    bytes_ += text;
    return *this;
  }
  ByteKey& put(const std::string& text) { return put(std::string_view(text)); }
  ByteKey& put(const IpAddress& address) {
    put(static_cast<std::uint8_t>(address.family));
    bytes_.append(reinterpret_cast<const char*>(address.bytes.data()), address.bytes.size());
    return *this;
  }
  ByteKey& put(const IpPrefix& prefix) { return put(prefix.address).put(prefix.length); }
  template <class T>
  ByteKey& put(const std::optional<T>& maybe) {
    put(maybe.has_value());
    return maybe ? put(*maybe) : *this;
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

}  // namespace vpndoctor
