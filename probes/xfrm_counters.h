// SPDX-License-Identifier: Apache-2.0
// The counters of IPsec (/proc/net/xfrm_stat, Documentation/networking/xfrm_proc.rst). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vpndoctor {

/// The counters that are not 0, with their names, in the order of the table. Lines that are not understood are skipped.
std::vector<std::pair<std::string, std::uint64_t>> non_zero_xfrm_counters(std::string_view table);

}  // namespace vpndoctor
