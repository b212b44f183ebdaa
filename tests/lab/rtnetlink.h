// SPDX-License-Identifier: Apache-2.0
// The few rtnetlink requests that build a lab, and the one that reads the kernel's path MTU cache. Each opens a
// socket in the calling thread's network namespace. Needs neither the `ip` program nor a library.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "vpndoctor/ip.h"
#include "vpndoctor/result.h"

namespace vpndoctor::lab {

struct VethPair {
  std::string here;   ///< name of the end in the calling thread's namespace
  std::string there;  ///< name of the other end
  int there_namespace = -1;
  std::uint32_t mtu_bytes = 1500;
};
Result<void> create_veth(const VethPair& pair);

/// Sets a link's MTU and brings it up.
Result<void> bring_up(const std::string& link, std::uint32_t mtu_bytes);

struct AddressConfig {
  IpAddress address;
  std::uint8_t prefix_length = 24;
};
/// Adds an address that is usable at once (no duplicate address detection).
Result<void> add_address(const std::string& link, const AddressConfig& config);

struct DefaultRoute {
  Family family = Family::kInet;
  std::string link;
  std::optional<IpAddress> gateway;  ///< null: everything is on the link
  std::optional<std::uint32_t> mtu_bytes;
};
Result<void> add_default_route(const DefaultRoute& route);

/// Returns the path MTU that the kernel has learned for `destination`; nullopt when it has learned none.
std::optional<std::uint32_t> cached_path_mtu(const IpAddress& destination);

}  // namespace vpndoctor::lab
