// SPDX-License-Identifier: Apache-2.0
// Quoting and folding of shell commands.
#include "shell.h"

#include <algorithm>

#include "vpndoctor/utf8.h"
#include "wrap.h"

namespace vpndoctor {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-_./:,=+@%^").find(c) != std::string_view::npos;
}

constexpr std::size_t kBackslash = 2;

/// Appends a word that fits no line in quoted pieces. All but the first start in the first column, or the shell
/// would see several words.
void append_cut_word(std::string_view word, std::size_t columns, std::vector<std::string>& lines) {
  constexpr std::size_t kQuotes = 2;
  while (!word.empty()) {
    const std::size_t used = display_width(lines.back());
    std::size_t bytes = bytes_that_fit(word, columns - kBackslash - kQuotes - used);
    while (used + display_width(shell_quoted(word.substr(0, bytes))) + kBackslash > columns && bytes > 1) {
      bytes = bytes_that_fit(word, display_width(word.substr(0, bytes)) - 1);
    }
    const std::size_t space = word.substr(0, bytes).rfind(' ');
    if (bytes < word.size() && space != std::string_view::npos && space >= bytes / 2) bytes = space + 1;
    lines.back() += shell_quoted(word.substr(0, bytes));
    word.remove_prefix(bytes);
    if (word.empty()) return;
    lines.back() += "\\";
    lines.emplace_back();
  }
}

std::vector<std::string> fold(const std::vector<std::string>& words, std::size_t columns, std::size_t indent) {
  std::vector<std::string> lines = {std::string(indent, ' ')};
  const std::string continuation(indent + 4, ' ');
  bool line_is_fresh = true;
  for (const std::string& word : words) {
    const std::string quoted = shell_quoted(word);
    const bool is_last = &word == &words.back();
    const std::size_t needed = display_width(quoted) + (is_last ? 0 : kBackslash);
    if (!line_is_fresh && display_width(lines.back()) + 1 + needed > columns) {
      lines.back() += " \\";
      lines.push_back(continuation);
      line_is_fresh = true;
    }
    if (!line_is_fresh) lines.back() += " ";
    if (display_width(lines.back()) + needed <= columns) {
      lines.back() += quoted;
    } else {
      append_cut_word(word, columns, lines);
    }
    line_is_fresh = false;
  }
  return lines;
}

}  // namespace

std::string shell_quoted(std::string_view word) {
  if (!word.empty() && std::ranges::all_of(word, is_plain)) return std::string(word);
  const bool has_single_quote = word.find('\'') != std::string_view::npos;
  if (has_single_quote && word.find_first_of("\"$`\\!") == std::string_view::npos) return '"' + std::string(word) + '"';
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

bool is_configuration(const Command& command) { return command.os == "wireguard" || command.os == "openvpn"; }

std::vector<std::string> command_lines(const Command& command, std::size_t columns, std::size_t indent) {
  if (is_configuration(command)) {
    std::string line;
    for (const std::string& word : command.argv) line += (line.empty() ? "" : " ") + word;
    std::vector<std::string> lines = wrap(line, columns - indent);
    for (std::string& each : lines) each.insert(0, indent, ' ');
    return lines;
  }
  std::vector<std::string> words = command.argv;
  if (command.needs_root && !words.empty() && words.front() != "sudo") words.insert(words.begin(), "sudo");
  return fold(words, columns, indent);
}

}  // namespace vpndoctor
