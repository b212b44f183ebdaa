// SPDX-License-Identifier: Apache-2.0
// Collects the lines of a text report: headings, wrapped paragraphs, tables, commands. The one place where text is
// escaped and coloured, so that no other code of the text reports has to think of either.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "table.h"
#include "vpndoctor/finding.h"
#include "vpndoctor/render.h"

namespace vpndoctor {

enum class Style { kPlain, kStrong, kBad, kDoubtful, kGood, kQuiet };

/// A table whose rows may be highlighted; `styles` has an entry for each row or is empty.
struct StyledTable {
  Table table;
  std::vector<Style> styles;
};

class Page {
 public:
  explicit Page(const TextOptions& options);

  /// Begins a section: a blank line and its title.
  void heading(std::string_view title);
  void blank_line();
  /// Writes a wrapped paragraph, indented by `indent`.
  void paragraph(std::string_view text, std::size_t indent = 2, Style style = Style::kPlain);
  /// Writes `label` and, wrapped in a column of its own, `text`; nothing when `text` is empty.
  void field(std::string_view label, std::string_view text);
  /// Writes a wrapped paragraph behind a dash.
  void item(std::string_view text, std::size_t indent = 2);
  /// Writes a wrapped paragraph behind a sign of one column, in the paragraph's style.
  void entry(char sign, std::string_view text, Style style);
  /// Writes a wrapped paragraph behind its number; returns the column in which its text begins.
  std::size_t step(std::size_t number, std::string_view text);
  void table(const StyledTable& styled, std::size_t indent = 2);
  void command(const Command& command, std::size_t indent);

  bool verbose() const { return options_.verbose; }
  const std::string& text() const { return text_; }

 private:
  std::string safe(std::string_view text) const;
  void line(std::string_view text, Style style);
  void hanging(std::string_view first, std::string_view text, std::size_t indent, Style style = Style::kPlain);

  TextOptions options_;
  std::size_t columns_;
  std::string text_;
};

}  // namespace vpndoctor
