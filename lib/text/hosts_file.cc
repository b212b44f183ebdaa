// SPDX-License-Identifier: Apache-2.0
// Reads /etc/hosts as glibc's files service does.
#include "text/lines.h"
#include "vpndoctor/resolver_text.h"

namespace vpndoctor {
namespace {

constexpr std::string_view kWhite = " \t\n\v\f\r";

}  // namespace

std::vector<HostsEntry> parse_hosts(std::string_view text) {
  std::vector<HostsEntry> entries;
  for_each_line(text, [&](std::size_t /*number*/, std::string_view line) {
    line = line.substr(0, line.find_first_of(std::string_view("#\0", 2)));
    const auto words = split(line, kWhite);
    if (words.size() < 2) return;
    const auto address = IpAddress::parse(words[0]);
    if (!address) return;
    HostsEntry& entry = entries.emplace_back();
    entry.address = *address;
    entry.names.reserve(words.size() - 1);
    for (std::size_t i = 1; i < words.size(); ++i) entry.names.push_back(canonical_dns_name(words[i]));
  });
  return entries;
}

}  // namespace vpndoctor
