// SPDX-License-Identifier: Apache-2.0
// Drops keys from an answer; see the header.
#include "wireguard_answer.h"

#include <string.h>

namespace vpndoctor {
namespace {

constexpr std::size_t kMostBytes = 64 << 20;  // a million allowed IPs and some
constexpr std::size_t kMostLineBytes = 4096;  // the longest is an endpoint; reserved, so that no key is copied around

void wipe(std::string& text) {
  ::explicit_bzero(text.data(), text.size());
  text.clear();
}

bool holds_key(std::string_view line) { return line.starts_with("private_key=") || line.starts_with("preshared_key="); }

}  // namespace

KeylessAnswer::~KeylessAnswer() {
  wipe(text_);
  wipe(line_);
}

bool KeylessAnswer::take(std::string_view piece) {
  taken_ += piece.size();
  if (whole_ || taken_ > kMostBytes) return false;
  line_.reserve(kMostLineBytes);
  for (const char byte : piece) {
    if (whole_ || line_.size() == kMostLineBytes) return false;
    line_ += byte;
    if (byte == '\n') end_line();
  }
  return true;
}

void KeylessAnswer::end_line() {
  whole_ = line_ == "\n";
  if (!holds_key(line_)) text_ += line_;
  wipe(line_);
}

}  // namespace vpndoctor
