// SPDX-License-Identifier: Apache-2.0
// One pass over the routes, which come table by table; see the header.
#include "filled_tables.h"

#include <optional>

namespace vpndoctor {

Tables filled_tables(const RouteTable& table) {
  Tables tables;
  std::optional<std::pair<Family, std::uint32_t>> last;
  for (const Route& route : table.routes) {
    const std::pair current{route.destination.family(), route.table};
    if (last != current) tables.insert(current);
    last = current;
  }
  return tables;
}

}  // namespace vpndoctor
