// SPDX-License-Identifier: Apache-2.0
// Snapshot files of any content, in pieces of any size. What is read must survive being written and read again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/snapshot_file.h"

namespace {

std::string text_of(const vpndoctor::Snapshot& snapshot) {
  std::string text;
  vpndoctor::write_snapshot(snapshot, [&](std::string_view piece) {
    text += piece;
    return true;
  });
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t piece = size == 0 ? 1 : 1 + data[size / 2] * std::size_t{4};
  vpndoctor::SnapshotReader reader;
  for (std::size_t at = 0; at < size; at += piece) {
    const std::string_view part = text.substr(at, piece);
    const std::vector<char> exact(part.begin(), part.end());
    if (reader.feed({exact.data(), exact.size()})) break;
  }
  const auto snapshot = reader.finish();
  if (!snapshot) return 0;
  const std::string written = text_of(*snapshot);
  const auto again = vpndoctor::parse_snapshot(written);
  if (!again || text_of(*again) != written) __builtin_trap();
  return 0;
}
