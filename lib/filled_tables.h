// SPDX-License-Identifier: Apache-2.0
// Which routing tables have a route at all: a rule to another one decides nothing.
#pragma once

#include <cstdint>
#include <set>
#include <utility>

#include "vpndoctor/network.h"

namespace vpndoctor {

/// Tables by family and number.
using Tables = std::set<std::pair<Family, std::uint32_t>>;

/// True for the tables that are there in any case, and for no table.
inline bool is_kernels_table(std::uint32_t table) {
  return table == kTableUnspecified || table == kTableMain || table == kTableLocal || table == kTableDefault;
}

/// Returns the tables that have a route.
Tables filled_tables(const RouteTable& table);

}  // namespace vpndoctor
