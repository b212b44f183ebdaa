// SPDX-License-Identifier: Apache-2.0
// What in a product's configuration decides which addresses go into its tunnel.
#pragma once

#include <string>
#include <string_view>

#include "vpndoctor/coverage.h"

namespace vpndoctor {

/// Says it in one sentence, for all addresses (full) or a part of them (split). `owner`: as TunnelReport says it,
/// or "ipsec"; for one that is not recognised, what the usual products need.
std::string coverage_setting(std::string_view owner, CoverageMode wanted);

}  // namespace vpndoctor
