// SPDX-License-Identifier: Apache-2.0
// Reads /proc/self/mountinfo as far as it tells what lies over one path.
#include "text/lines.h"
#include "vpndoctor/resolver_text.h"

namespace vpndoctor {
namespace {

bool is_octal(std::string_view text) {
  return text.size() == 3 && text.find_first_not_of("01234567") == std::string_view::npos;
}

/// "\040" for a blank: the kernel escapes white space and backslashes (fs/proc_namespace.c).
std::string unescaped(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    if (text[0] == '\\' && is_octal(text.substr(1, 3))) {
      plain += static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
      text.remove_prefix(4);
    } else {
      plain += text[0];
      text.remove_prefix(1);
    }
  }
  return plain;
}

}  // namespace

std::string mount_over(std::string_view mountinfo, std::string_view path) {
  std::string source;
  for_each_line(mountinfo, [&](std::size_t /*number*/, std::string_view line) {
    // id, parent, device, root, mount point, options, optional fields, "-", type, source.
    const auto fields = split(line, " ");
    if (fields.size() < 6 || unescaped(fields[4]) != path) return;
    const auto separator = line.find(" - ");
    const auto behind =
        separator == std::string_view::npos ? std::vector<std::string_view>() : split(line.substr(separator + 3), " ");
    const std::string root = unescaped(fields[3]);
    source = root != "/" || behind.size() < 2 ? root : unescaped(behind[1]);
  });
  return source;
}

}  // namespace vpndoctor
