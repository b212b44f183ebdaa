// SPDX-License-Identifier: Apache-2.0
// Numbers as sentences have them.
#pragma once

#include <cstddef>
#include <string>

namespace [[gnu::visibility("default")]] vpndoctor {

std::string grouped(std::size_t number);  ///< with commas between thousands: "12,345"

}  // namespace vpndoctor
