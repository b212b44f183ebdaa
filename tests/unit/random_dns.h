// SPDX-License-Identifier: Apache-2.0
// Resolver configurations of any content that the model can hold.
#pragma once

#include "unit/draw.h"
#include "vpndoctor/dns_configuration.h"

namespace vpndoctor::testing_support {

/// Draws a configuration; every facet may be known, known in part, or missing.
DnsConfiguration random_dns(Draw& draw);

}  // namespace vpndoctor::testing_support
