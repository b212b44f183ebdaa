// SPDX-License-Identifier: Apache-2.0
// D-Bus values of any form in the place of the properties of systemd-resolved and NetworkManager.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "vpndoctor/network_manager_reply.h"
#include "vpndoctor/resolved_reply.h"

namespace {

using vpndoctor::BusValue;

/// Reads values as they are spelled: a letter for the kind, a byte for the length, what is in it.
class Speller {
 public:
  explicit Speller(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  BusValue value(int depth = 0) {
    switch (take()) {
      case 's':
        return {text(take())};
      case 'n':
        return {std::int64_t{take()} - 64};
      case 'b':
        return {take() % 2 == 1};
      case 'l': {
        BusValue::List items;
        for (unsigned count = take(); count > 0 && !bytes_.empty() && depth < 6; --count) {
          items.push_back(value(depth + 1));
        }
        return {std::move(items)};
      }
      default:
        return {};
    }
  }

 private:
  std::uint8_t take() {
    if (bytes_.empty()) return 0;
    const std::uint8_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }

  std::string text(std::size_t length) {
    const auto part = bytes_.first(std::min(length, bytes_.size()));
    bytes_ = bytes_.subspan(part.size());
    return {part.begin(), part.end()};
  }

  std::span<const std::uint8_t> bytes_;
};

BusValue entry(const char* name, BusValue value) { return {BusValue::List{{std::string(name)}, std::move(value)}}; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace vpndoctor;
  Speller speller({data, size});
  BusValue::List entries;
  for (const char* name : {"DNSEx", "Domains", "CurrentDNSServerEx", "FallbackDNSEx", "ScopesMask", "DefaultRoute",
                           "Configuration", "Mode"}) {
    entries.push_back(entry(name, speller.value()));
  }
  const BusValue properties{std::move(entries)};
  ResolvedReply reply = read_resolved_manager(properties);
  reply.state.scopes.push_back(read_resolved_link(properties, 3, "tun0"));
  assign_global_servers(reply, properties);
  (void)indexes_in_manager(properties);
  std::vector<std::string> limits;
  (void)read_dns_manager(properties, limits);
  return 0;
}
