# SPDX-License-Identifier: Apache-2.0
# What nearly every file includes, compiled once a target: half of a compiler's time. For tests; a file of the product
# shows that it includes what it needs.
function(vpndoctor_precompile target)
  target_precompile_headers(${target} PRIVATE <algorithm> <array> <charconv> <chrono> <functional> <map> <memory>
                            <optional> <set> <span> <string> <string_view> <unordered_map> <utility> <vector>
                            <fmt/format.h> ${ARGN})
endfunction()
