// SPDX-License-Identifier: Apache-2.0
// Column widths and alignment of tables.
#include "table.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "vpndoctor/utf8.h"
#include "wrap.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 8;
constexpr std::size_t kBelow = 0;  // a column that does not fit beside the others
constexpr std::size_t kBelowIndent = 4;

/// The width of the longest word, which is never broken.
std::size_t longest_word(std::string_view text) {
  std::size_t longest = 0;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    longest = std::max(longest, display_width(word));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return longest;
}

std::vector<std::size_t> column_widths(const Table& table, std::size_t columns) {
  std::vector<std::size_t> widths;
  widths.reserve(table.columns.size());
  for (const TableColumn& column : table.columns) widths.push_back(display_width(column.title));
  for (const auto& row : table.rows) {
    if (row.size() != widths.size()) continue;
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  std::size_t total = kGap * (widths.size() - 1);
  for (const std::size_t width : widths) total += width;
  for (std::size_t i = 0; i < widths.size() && total > columns; ++i) {
    if (!table.columns[i].flexible) continue;
    const std::size_t excess = total - columns;
    const std::size_t narrowest = std::max(kNarrowest, longest_word(table.columns[i].title));
    widths[i] = widths[i] >= excess + narrowest ? widths[i] - excess : kBelow;
  }
  return widths;
}

std::string padded(const std::string& cell, std::size_t width, bool right_aligned) {
  const std::size_t used = display_width(cell);
  const std::string padding(width > used ? width - used : 0, ' ');
  return right_aligned ? padding + cell : cell + padding;
}

class RowWriter {
 public:
  RowWriter(const Table& table, std::size_t columns)
      : table_(table), columns_(columns), widths_(column_widths(table, columns)) {}

  void write(std::size_t row, const std::vector<std::string>& cells, std::vector<TableLine>& out) const {
    if (cells.size() == 1 && widths_.size() > 1) {
      for (std::string& line : wrap(cells[0], columns_)) out.push_back({row, std::move(line)});
      return;
    }
    std::vector<std::vector<std::string>> wrapped;
    std::string_view below;
    std::size_t height = 1;
    for (std::size_t i = 0; i < widths_.size(); ++i) {
      std::string_view cell = i < cells.size() ? std::string_view(cells[i]) : std::string_view{};
      if (table_.columns[i].flexible && longest_word(cell) > widths_[i]) below = std::exchange(cell, {});
      wrapped.push_back(wrap(cell, std::max<std::size_t>(widths_[i], 2)));
      height = std::max(height, wrapped.back().size());
    }
    for (std::size_t line = 0; line < height; ++line) out.push_back({row, join(wrapped, line)});
    if (!below.empty()) write_below(row, below, out);
  }

 private:
  /// A cell with a word that its column cannot hold has lines of its own: an address in two pieces is none.
  void write_below(std::size_t row, std::string_view cell, std::vector<TableLine>& out) const {
    const std::size_t columns = columns_ > kBelowIndent ? columns_ - kBelowIndent : columns_;
    for (const std::string& line : wrap(cell, columns)) {
      out.push_back({row, std::string(kBelowIndent, ' ') + line});
    }
  }

  std::string join(const std::vector<std::vector<std::string>>& wrapped, std::size_t line) const {
    std::string text;
    for (std::size_t i = 0; i < wrapped.size(); ++i) {
      if (widths_[i] == kBelow) continue;
      if (!text.empty()) text.append(kGap, ' ');
      text += padded(line < wrapped[i].size() ? wrapped[i][line] : "", widths_[i], table_.columns[i].right_aligned);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  }

  const Table& table_;
  std::size_t columns_;
  std::vector<std::size_t> widths_;
};

}  // namespace

std::vector<TableLine> layout(const Table& table, std::size_t columns) {
  std::vector<TableLine> lines;
  const RowWriter writer(table, columns);
  std::vector<std::string> titles;
  titles.reserve(table.columns.size());
  for (const TableColumn& column : table.columns) titles.push_back(column.title);
  writer.write(TableLine::kTitleRow, titles, lines);
  for (std::size_t row = 0; row < table.rows.size(); ++row) writer.write(row, table.rows[row], lines);
  return lines;
}

}  // namespace vpndoctor
