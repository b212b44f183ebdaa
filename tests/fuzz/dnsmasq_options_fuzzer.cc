// SPDX-License-Identifier: Apache-2.0
// dnsmasq's files, its arguments (a line each), and its answer to servers.bind.
#include <cstddef>
#include <cstdint>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "vpndoctor/dnsmasq_options.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vpndoctor;
  const std::string text(reinterpret_cast<const char*>(data), size);
  DnsmasqOptions options;
  read_dnsmasq_file(text, options);
  std::vector<std::string> words;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) words.push_back(line);
  read_dnsmasq_arguments(words, options);
  for (const std::string& folder : options.folders) (void)is_read_by_dnsmasq(folder, text);
  const auto reply = decode_dns_message(std::as_bytes(std::span(data, size)));
  if (!reply) return 0;
  if (const auto servers = parse_servers_bind(*reply)) (void)join_dnsmasq_servers(*servers, options);
  return 0;
}
