// SPDX-License-Identifier: Apache-2.0
// What the formats of macOS have in common: how long a name of an interface is, how much is said of what was not
// understood.
#pragma once

#include <cstddef>

namespace vpndoctor {

inline constexpr std::size_t kLongestMacosInterface = 15;  ///< IFNAMSIZ, less its NUL
inline constexpr std::size_t kMostComplaints = 20;         ///< lines that are told as not understood

}  // namespace vpndoctor
