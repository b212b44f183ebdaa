// SPDX-License-Identifier: Apache-2.0
// Packet filters drawn at random, as values of the model.
#pragma once

#include "unit/draw.h"
#include "vpndoctor/firewall.h"

namespace vpndoctor::testing_support {

Firewall random_firewall(Draw& draw);

}  // namespace vpndoctor::testing_support
