// SPDX-License-Identifier: Apache-2.0
// Column widths and alignment of tables.
#include "table.h"

#include <algorithm>

#include "vpndoctor/utf8.h"
#include "wrap.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 8;

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
    widths[i] = widths[i] > excess + kNarrowest ? widths[i] - excess : kNarrowest;
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
    std::size_t height = 1;
    for (std::size_t i = 0; i < widths_.size(); ++i) {
      wrapped.push_back(i < cells.size() ? wrap(cells[i], std::max<std::size_t>(widths_[i], 2)) : wrap("", 2));
      height = std::max(height, wrapped.back().size());
    }
    for (std::size_t line = 0; line < height; ++line) out.push_back({row, join(wrapped, line)});
  }

 private:
  std::string join(const std::vector<std::vector<std::string>>& wrapped, std::size_t line) const {
    std::string text;
    for (std::size_t i = 0; i < wrapped.size(); ++i) {
      if (i > 0) text.append(kGap, ' ');
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
