// SPDX-License-Identifier: Apache-2.0
// Replies of DNS servers: decoded without a crash, names within their bounds and the same after another round.
#include <cstdlib>

#include "vpndoctor/dns_message.h"

namespace {

/// A name that was read can be written, and is what it was.
void check_name(const std::string& name) {
  const auto wire = vpndoctor::encode_dns_name(name);
  if (!wire || wire->size() > 255) std::abort();
  const auto again = vpndoctor::decode_dns_name(*wire, 0);
  if (!again || again->name != name || again->next != wire->size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = vpndoctor::decode_dns_message(std::as_bytes(std::span(data, size)));
  if (!message) return 0;
  if (message->is_cut && !message->truncated) std::abort();
  if (message->question) check_name(message->question->name);
  for (const auto* section : {&message->answers, &message->authorities, &message->additional}) {
    for (const vpndoctor::DnsRecord& record : *section) {
      check_name(record.name);
      if (record.text.size() > 4 * size + 256 && record.text.size() > 4096) std::abort();
    }
  }
  return 0;
}
