// SPDX-License-Identifier: Apache-2.0
// Lays out a table in columns of text, right-aligned where numbers stand. Expects cells without control characters.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace vpndoctor {

struct TableColumn {
  std::string title;
  bool right_aligned = false;
  bool flexible = false;  ///< wraps its cells between words when the table is too wide, and a cell with a word that
                          ///< does not fit goes below its row; at most one column
};

struct Table {
  std::vector<TableColumn> columns;
  /// A row of one cell only, in a table of several columns, spans them all.
  std::vector<std::vector<std::string>> rows;
};

/// One line of a laid out table: the row it belongs to, or kTitleRow.
struct TableLine {
  static constexpr std::size_t kTitleRow = static_cast<std::size_t>(-1);
  std::size_t row = kTitleRow;
  std::string text;
};

/// Returns the lines, titles first, none wider than `columns` as long as the columns that do not wrap fit;
/// without trailing spaces.
std::vector<TableLine> layout(const Table& table, std::size_t columns);

}  // namespace vpndoctor
