// SPDX-License-Identifier: Apache-2.0
// Indents, wraps, escapes and colours the lines of a text report.
#include "page.h"

#include <algorithm>

#include "shell.h"
#include "vpndoctor/text_escape.h"
#include "vpndoctor/utf8.h"
#include "wrap.h"

namespace vpndoctor {
namespace {

constexpr int kNarrowestColumns = 40;
constexpr std::size_t kLabelColumns = 12;

std::string_view colour_code(Style style) {
  switch (style) {
    case Style::kStrong:
      return "\x1b[1m";
    case Style::kBad:
      return "\x1b[1;31m";
    case Style::kDoubtful:
      return "\x1b[1;33m";
    case Style::kGood:
      return "\x1b[1;32m";
    case Style::kQuiet:
      return "\x1b[2m";
    case Style::kPlain:
      break;
  }
  return "";
}

}  // namespace

Page::Page(const TextOptions& options)
    : options_(options), columns_(static_cast<std::size_t>(std::max(options.width_columns, kNarrowestColumns))) {}

std::string Page::safe(std::string_view text) const {
  return options_.utf8 ? escape_controls(text) : escape_non_ascii(text);
}

void Page::line(std::string_view text, Style style) {
  const bool coloured = options_.color && style != Style::kPlain && !text.empty();
  const std::size_t indent = std::min(text.find_first_not_of(' '), text.size());
  text_ += text.substr(0, indent);
  if (coloured) text_ += colour_code(style);
  text_ += text.substr(indent);
  if (coloured) text_ += "\x1b[0m";
  text_ += '\n';
}

void Page::heading(std::string_view title) {
  blank_line();
  line(safe(title), Style::kStrong);
}

void Page::blank_line() { text_ += '\n'; }

void Page::paragraph(std::string_view text, std::size_t indent, Style style) {
  for (const std::string& each : wrap(safe(text), columns_ - indent)) line(std::string(indent, ' ') + each, style);
}

void Page::hanging(std::string_view first, std::string_view text, std::size_t indent, Style style) {
  const std::size_t column = indent + display_width(first);
  std::string prefix = std::string(indent, ' ') + std::string(first);
  for (const std::string& each : wrap(safe(text), columns_ - column)) {
    line(prefix + each, style);
    prefix.assign(column, ' ');
  }
}

void Page::field(std::string_view label, std::string_view text) {
  if (text.empty()) return;
  std::string first = safe(label);
  first.append(kLabelColumns > first.size() ? kLabelColumns - first.size() : 1, ' ');
  hanging(first, text, 2);
}

void Page::item(std::string_view text, std::size_t indent) { hanging("- ", text, indent); }

void Page::entry(char sign, std::string_view text, Style style) { hanging(std::string(1, sign) + " ", text, 2, style); }

std::size_t Page::step(std::size_t number, std::string_view text) {
  constexpr std::size_t kIndent = 2;
  const std::string first = std::to_string(number) + ". ";
  hanging(first, text, kIndent);
  return kIndent + first.size();
}

void Page::table(const StyledTable& styled, std::size_t indent) {
  Table safe_table = styled.table;
  for (auto& row : safe_table.rows) {
    for (std::string& cell : row) cell = safe(cell);
  }
  for (const TableLine& each : layout(safe_table, columns_ - indent)) {
    Style style = Style::kPlain;
    if (each.row == TableLine::kTitleRow) style = Style::kQuiet;
    if (each.row < styled.styles.size()) style = styled.styles[each.row];
    line(std::string(indent, ' ') + each.text, style);
  }
}

void Page::command(const Command& command, std::size_t indent) {
  Command safe_command = command;
  for (std::string& word : safe_command.argv) word = safe(word);
  for (const std::string& each : command_lines(safe_command, columns_, indent)) line(each, Style::kPlain);
}

}  // namespace vpndoctor
