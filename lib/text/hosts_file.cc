// SPDX-License-Identifier: Apache-2.0
// Reads /etc/hosts as glibc's files service does.
#include "text/lines.h"
#include "vpndoctor/resolver_text.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kLongestName = 255;  ///< no program asks for a longer one
constexpr std::size_t kMostNames = 1024;   ///< of one entry; what a line has beyond goes into another one

void add_name(std::string_view name, std::vector<HostsEntry>& entries) {
  if (name.size() > kLongestName) return;
  if (entries.back().names.size() == kMostNames) {
    HostsEntry& more = entries.emplace_back();
    more.address = entries[entries.size() - 2].address;
  }
  entries.back().names.push_back(canonical_dns_name(name));
}

}  // namespace

std::vector<HostsEntry> parse_hosts(std::string_view text) {
  std::vector<HostsEntry> entries;
  for_each_line(text, [&](std::size_t /*number*/, std::string_view line) {
    line = line.substr(0, line.find_first_of(std::string_view("#\0", 2)));
    const auto words = split(line, kWhite);
    if (words.size() < 2) return;
    const auto address = IpAddress::parse(words[0]);
    if (!address) return;
    entries.emplace_back().address = *address;
    for (std::size_t i = 1; i < words.size(); ++i) add_name(words[i], entries);
    if (entries.back().names.empty()) entries.pop_back();
  });
  return entries;
}

}  // namespace vpndoctor
