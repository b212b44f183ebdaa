// SPDX-License-Identifier: Apache-2.0
// Messages that no honest router would send. Pure: a packet in, the lie about it out.
#pragma once

#include "packet.h"
#include "path.h"

namespace vpndoctor::lab {

/// Builds the message that `config` describes, as if `from` sent it to the source of `passing`.
Bytes forged_message(const ForgeConfig& config, const IpAddress& from, BytesView passing);

/// Builds an honest too-big message and then overwrites the quoted upper layer, so that it quotes what nobody sent.
Bytes foreign_too_big(const IcmpError& error, BytesView passing);

}  // namespace vpndoctor::lab
