// SPDX-License-Identifier: Apache-2.0
// Builds the steps that stand for an extension of xtables. Knows the kernel's numbers of registers and keys, nothing of
// the extensions.
#pragma once

#include <linux/netfilter/nf_tables.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "vpndoctor/firewall.h"

namespace vpndoctor {

inline constexpr std::uint32_t kFirstRegister = 4;   ///< NFT_REG_1, in words
inline constexpr std::uint32_t kSecondRegister = 8;  ///< NFT_REG_2

/// The bytes of a number in the host's order, as registers hold it.
inline std::string native_text(std::uint32_t number) {
  std::string text(sizeof number, '\0');
  std::memcpy(text.data(), &number, sizeof number);
  return text;
}
/// The bytes of a number, the most significant first.
inline std::string network_text(std::uint32_t number) {
  return native_text(std::endian::native == std::endian::little ? __builtin_bswap32(number) : number);
}
inline std::string network_text(std::uint16_t number) { return network_text(std::uint32_t{number}).substr(2); }

class XtSteps {
 public:
  XtSteps& meta(std::uint32_t key, std::uint32_t word = kFirstRegister) {
    return add({.name = "meta", .destination = word, .key = key});
  }
  /// The user or group of the socket, most significant byte first; 0xffffffff for a packet without one.
  XtSteps& owner(std::uint32_t key) {
    add({.name = "meta", .destination = kFirstRegister, .key = key, .flags = 1});
    return add({.name = "byteorder",
                .source = kFirstRegister,
                .destination = kFirstRegister,
                .operation = NFT_BYTEORDER_HTON,
                .length = 4,
                .flags = 4});
  }
  XtSteps& connection(std::uint32_t key, std::uint32_t word = kFirstRegister) {
    const bool has_direction = key >= NFT_CT_SRC && key <= NFT_CT_PROTO_DST && key != NFT_CT_PROTOCOL;
    return add({.name = "ct", .destination = word, .key = key, .flags = has_direction ? 1U : 0U});
  }
  XtSteps& network(std::uint32_t offset, std::uint32_t length) {
    return payload(NFT_PAYLOAD_NETWORK_HEADER, offset, length, kFirstRegister);
  }
  XtSteps& transport(std::uint32_t offset, std::uint32_t length, std::uint32_t word = kFirstRegister) {
    return payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset, length, word);
  }
  XtSteps& address_type(std::uint32_t flags) {
    return add({.name = "fib", .destination = kFirstRegister, .key = NFT_FIB_RESULT_ADDRTYPE, .flags = flags});
  }
  /// register = (register & mask) ^ flip.
  XtSteps& mask(std::uint32_t mask, std::uint32_t flip, std::uint32_t word = kFirstRegister) {
    return mask_bytes(native_text(mask), native_text(flip), word);
  }
  XtSteps& mask_bytes(std::string mask, std::string flip, std::uint32_t word = kFirstRegister) {
    const auto length = static_cast<std::uint32_t>(mask.size());
    return add({.name = "bitwise",
                .source = word,
                .destination = word,
                .operation = NFT_BITWISE_BOOL,  // its name of Linux 6.13 on is NFT_BITWISE_MASK_XOR
                .length = length,
                .data = std::move(mask),
                .second_data = std::move(flip)});
  }
  /// first register ^= second register.
  XtSteps& combine() {
    constexpr std::uint32_t kXor = 5;  // NFT_BITWISE_XOR, Linux 6.13
    return add({.name = "bitwise",
                .source = kFirstRegister,
                .second_source = kSecondRegister,
                .destination = kFirstRegister,
                .operation = kXor,
                .length = 4});
  }
  XtSteps& compare(std::uint32_t number, bool inverted) { return compare_bytes(native_text(number), inverted); }
  XtSteps& compare_bytes(std::string bytes, bool inverted) {
    return add({.name = "cmp",
                .source = kFirstRegister,
                .operation = inverted ? NFT_CMP_NEQ : NFT_CMP_EQ,
                .data = std::move(bytes)});
  }
  XtSteps& among(std::string ranges, std::uint32_t length, bool inverted, std::uint32_t second = 0) {
    return add({.name = "among",
                .source = kFirstRegister,
                .second_source = second,
                .operation = inverted ? 1U : 0U,
                .length = length,
                .data = std::move(ranges)});
  }
  /// Gives the packet, or its connection, the mark in the first register.
  XtSteps& set_mark() { return add({.name = "meta", .source = kFirstRegister, .key = NFT_META_MARK}); }
  XtSteps& set_connection_mark() { return add({.name = "ct", .source = kFirstRegister, .key = NFT_CT_MARK}); }

  std::vector<FirewallExpression> take() { return std::move(steps_); }

 private:
  XtSteps& add(FirewallExpression step) {
    steps_.push_back(std::move(step));
    return *this;
  }
  XtSteps& payload(std::uint32_t base, std::uint32_t offset, std::uint32_t length, std::uint32_t word) {
    return add({.name = "payload", .destination = word, .key = base, .offset = offset, .length = length});
  }

  std::vector<FirewallExpression> steps_;
};

}  // namespace vpndoctor
