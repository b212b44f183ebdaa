// SPDX-License-Identifier: Apache-2.0
// The English way to write a large number.
#include "vpndoctor/number_text.h"

namespace vpndoctor {

std::string grouped(std::size_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

}  // namespace vpndoctor
