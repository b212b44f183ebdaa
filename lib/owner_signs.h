// SPDX-License-Identifier: Apache-2.0
// What programs leave behind by which they are known: table numbers, marks, rule priorities, interface names, the name
// of a process that holds a tunnel. Tables of facts; what to make of them is in route_owner.cc.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "vpndoctor/network.h"

namespace vpndoctor {

/// A VPN client that uses numbers of its own in policy routing; 0 stands for none.
struct ClientSigns {
  std::string_view name;
  std::uint32_t table = 0;
  std::uint32_t mark = 0;
  std::uint32_t mark_mask = 0xffffffff;
  std::uint32_t suppressed_group = 0;
  std::uint32_t first_priority = 0;  ///< of its rules; a sign only beside a rule that leads to its table
  std::uint32_t last_priority = 0;
};

/// How the names of a program's interfaces go on after their beginning.
enum class NameEnd : std::uint8_t { kNothing, kDigits, kTwelveHexDigits, kAnything };

/// An interface known by its name.
struct LinkSign {
  std::string_view beginning;
  NameEnd end = NameEnd::kNothing;
  std::string_view kind;  ///< what kind the link must have; empty: any
  std::string_view owner;
  bool is_vpn = false;
};

/// A process that holds a tunnel, by the name the kernel knows it by.
struct HolderSign {
  std::string_view process;
  std::string_view owner;
  bool is_vpn = true;
};

/// A routing protocol number that one program or mechanism uses.
struct ProtocolSign {
  std::uint8_t protocol;
  std::string_view owner;
};

std::span<const ClientSigns> client_signs();
std::span<const LinkSign> link_signs();
std::span<const HolderSign> holder_signs();
std::span<const ProtocolSign> protocol_signs();

/// True for `not fwmark T lookup T`: wg-quick gives the encrypted packets the table's number as their mark.
bool is_wg_quick_rule(const Rule& rule);

/// True when the interface's name and kind are those of the sign.
bool is_sign_of(const LinkSign& sign, std::string_view name, std::string_view kind);

}  // namespace vpndoctor
