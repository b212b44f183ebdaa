// SPDX-License-Identifier: Apache-2.0
// The files of iproute2 (lib/rt_names.c there reads the same); see the header.
#include "number_names.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "proc_files.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kMostNameBytes = 64;

std::string_view next_word(std::string_view& line) {
  const std::size_t begin = std::min(line.find_first_not_of(" \t\r"), line.size());
  const std::size_t end = std::min(line.find_first_of(" \t\r", begin), line.size());
  const std::string_view word = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return word;
}

std::optional<std::uint32_t> parse_number(std::string_view word) {
  const bool hexadecimal = word.starts_with("0x") || word.starts_with("0X");
  if (hexadecimal) word.remove_prefix(2);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number, hexadecimal ? 16 : 10);
  return error == std::errc{} && end == word.data() + word.size() ? std::optional(number) : std::nullopt;
}

bool is_name(std::string_view word) {
  return !word.empty() && word.size() <= kMostNameBytes && word.front() != '#' &&
         std::ranges::all_of(word, [](char c) { return c > ' ' && c < '\x7f'; });
}

void take_file(const std::string& path, std::map<std::uint32_t, std::string>& names) {
  if (const auto text = read_small_file(path)) take_number_names(*text, names);
}

std::map<std::uint32_t, std::string> names_of(const std::string& file) {
  std::map<std::uint32_t, std::string> names;
  for (const char* directory : {"/usr/lib/iproute2/", "/usr/share/iproute2/", "/etc/iproute2/"}) {
    take_file(directory + file, names);
    const std::string more = directory + file + ".d";
    auto entries = directory_entries(more).value_or(std::vector<std::string>{});
    std::ranges::sort(entries);
    for (const std::string& entry : entries) {
      if (entry.ends_with(".conf")) take_file(more + "/" + entry, names);
    }
  }
  return names;
}

}  // namespace

void take_number_names(std::string_view text, std::map<std::uint32_t, std::string>& names) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto number = parse_number(next_word(line));
    const std::string_view name = next_word(line);
    if (number && is_name(name)) names.insert_or_assign(*number, std::string(name));
  }
}

Observed<NumberNames> read_number_names() {
  NumberNames names{names_of("rt_tables"), names_of("rt_protos"), names_of("group")};
  // The kernel's own, which need no file.
  for (const std::uint32_t table : {0U, 253U, 254U, 255U}) names.tables.erase(table);
  names.groups.erase(0);
  return {std::move(names), "/etc/iproute2"};
}

}  // namespace vpndoctor
