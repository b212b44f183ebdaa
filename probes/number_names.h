// SPDX-License-Identifier: Apache-2.0
// Reads the names that this machine gives to routing tables, route protocols and interface groups.
#pragma once

#include <string_view>

#include "vpndoctor/snapshot.h"

namespace vpndoctor {

/// Reads rt_tables, rt_protos and group of iproute2, and NAME.d/*.conf, from the vendor's directories and then from
/// /etc/iproute2, whose entries win. No file at all is no names: they are optional.
Observed<NumberNames> read_number_names();

/// Adds the lines "NUMBER NAME" of such a file to `names`; comments and lines that are none are passed over, as
/// iproute2 does. A name with other than printable ASCII characters is none.
void take_number_names(std::string_view text, std::map<std::uint32_t, std::string>& names);

}  // namespace vpndoctor
