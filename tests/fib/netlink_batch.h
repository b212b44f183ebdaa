// SPDX-License-Identifier: Apache-2.0
// Many rtnetlink requests in one write, and one answer for each: how a test configures the kernel and questions it a
// hundred thousand times a second. Builds messages attribute by attribute; knows no meaning of any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "vpndoctor/ip.h"

namespace vpndoctor::fib_test {

/// Messages one behind the other.
class NetlinkBatch {
 public:
  /// Starts a message; its `header` is the fixed structure of the message's type (rtmsg, ifinfomsg, ...).
  template <class Header>
  void begin(std::uint16_t type, int flags, const Header& header) {
    begin_message(type, flags);
    append(bytes_of(header));
  }
  template <class T>
  void number(int attribute, T value) {
    static_assert(std::is_arithmetic_v<T> || std::is_trivially_copyable_v<T>);
    put(attribute, bytes_of(value));
  }
  void text(int attribute, std::string_view value);  ///< NUL-terminated
  void address(int attribute, const IpAddress& address);
  void put(int attribute, std::span<const std::byte> payload);

  /// Opens an attribute that holds others; returns what close() wants.
  std::size_t open(int attribute);
  void close(std::size_t opened);
  /// Appends a structure without an attribute's header, inside an open one; for rtnexthop and the like.
  template <class T>
  std::size_t structure(const T& value) {
    const std::size_t at = bytes_.size();
    append(bytes_of(value));
    return at;
  }
  /// Writes the length of what was appended since `structure` into its first two bytes.
  void close_structure(std::size_t structure);

  std::size_t count() const { return starts_.size(); }
  void clear();

 private:
  friend class RouteSocket;
  template <class T>
  static std::span<const std::byte> bytes_of(const T& value) {
    return std::as_bytes(std::span(&value, 1));
  }
  void begin_message(std::uint16_t type, int flags);
  void append(std::span<const std::byte> bytes);
  void finish();

  std::vector<std::byte> bytes_;
  std::vector<std::size_t> starts_;
};

/// What the kernel answered to one message: a message, or an errno (0 for an acknowledgement).
struct NetlinkAnswer {
  int error_number = 0;
  std::vector<std::byte> payload;  ///< without nlmsghdr; empty for an acknowledgement or a refusal
};

/// A rtnetlink socket of the network namespace it was made in, with strict checking.
class RouteSocket {
 public:
  RouteSocket();
  ~RouteSocket();
  RouteSocket(const RouteSocket&) = delete;
  RouteSocket& operator=(const RouteSocket&) = delete;

  /// Sends all messages, which must each get exactly one answer (ask for an acknowledgement, or for one object), and
  /// returns the answers in the messages' order. Empties the batch. Ends the process when netlink itself fails.
  std::vector<NetlinkAnswer> exchange(NetlinkBatch& batch);

 private:
  void send(std::span<const std::byte> bytes);
  std::size_t receive(std::vector<NetlinkAnswer>& answers, std::uint32_t first_sequence);

  int fd_ = -1;
  std::uint32_t sequence_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace vpndoctor::fib_test
