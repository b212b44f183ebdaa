// SPDX-License-Identifier: Apache-2.0
// The data of a record as text, by its type. Internal to the DNS message codec.
#pragma once

#include <cstddef>
#include <span>

#include "vpndoctor/dns_message.h"

namespace vpndoctor {

/// Where a record's data is in its message, whose names it may point to.
struct DnsRecordData {
  std::span<const std::byte> message;
  std::size_t offset = 0;
  std::size_t length = 0;
};

/// Fills the text, the address and the strings of `record`, whose type is set. False when the data is none of its type.
bool read_record_data(const DnsRecordData& data, DnsRecord& record);

}  // namespace vpndoctor
