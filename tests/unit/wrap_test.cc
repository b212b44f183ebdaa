// SPDX-License-Identifier: Apache-2.0
// Line breaking and tables by display width.
#include "wrap.h"

#include <gtest/gtest.h>

#include "table.h"
#include "vpndoctor/utf8.h"

namespace vpndoctor {
namespace {

using Lines = std::vector<std::string>;

Lines texts(const std::vector<TableLine>& lines) {
  Lines out;
  for (const TableLine& line : lines) out.push_back(line.text);
  return out;
}

TEST(Wrap, BreaksAtSpacesAndFillsLines) {
  EXPECT_EQ(wrap("one two three", 7), (Lines{"one two", "three"}));
  EXPECT_EQ(wrap("one two three", 13), (Lines{"one two three"}));
  EXPECT_EQ(wrap("", 10), (Lines{""}));
  EXPECT_EQ(wrap("   a   b ", 10), (Lines{"a b"}));
}

TEST(Wrap, CutsWordsThatFitNoLine) {
  EXPECT_EQ(wrap("ab cdefghij k", 4), (Lines{"ab", "cdef", "ghij", "k"}));
  EXPECT_EQ(wrap("abcd", 4), (Lines{"abcd"}));
}

TEST(Wrap, CountsColumnsNotBytes) {
  EXPECT_EQ(wrap("\xe6\x97\xa5\xe6\x9c\xac x", 4), (Lines{"\xe6\x97\xa5\xe6\x9c\xac", "x"}));
  EXPECT_EQ(wrap("m\xc3\xbcn x", 5), (Lines{"m\xc3\xbcn x"}));
}

TEST(Table, AlignsColumnsAndDropsTrailingSpaces) {
  Table table;
  table.columns = {{"hop", true, false}, {"address", false, true}, {"seen", true}};
  table.rows = {{"1", "192.0.2.1", "1500"}, {"10", "silent", "-"}};
  EXPECT_EQ(texts(layout(table, 80)), (Lines{"hop  address    seen", "  1  192.0.2.1  1500", " 10  silent        -"}));
}

TEST(Table, WrapsTheFlexibleColumnWhenTooWide) {
  Table table;
  table.columns = {{"a"}, {"b", false, true}, {"c", true}};
  table.rows = {{"x", "many words in a cell", "7"}};
  EXPECT_EQ(texts(layout(table, 17)), (Lines{"a  b            c", "x  many words   7", "   in a cell"}));
}

TEST(Table, OneCellSpansAllColumns) {
  Table table;
  table.columns = {{"a"}, {"b"}};
  table.rows = {{"1", "2"}, {"-- the rest is a longer line --"}, {"3", "4"}};
  const auto lines = layout(table, 40);
  EXPECT_EQ(texts(lines), (Lines{"a  b", "1  2", "-- the rest is a longer line --", "3  4"}));
  EXPECT_EQ(lines[0].row, TableLine::kTitleRow);
  EXPECT_EQ(lines[2].row, 1U);
}

}  // namespace
}  // namespace vpndoctor
