// SPDX-License-Identifier: Apache-2.0
// Draws what the random reports of every command are made of; a field is absent half of the time.
#pragma once

#include <array>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "random_report.h"
#include "vpndoctor/ip.h"
#include "vpndoctor/observed.h"

namespace vpndoctor::test {

class ReportDraw {
 public:
  explicit ReportDraw(std::mt19937_64& random) : random_(random) {}

  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  bool chance() { return below(2) == 0; }
  std::uint32_t number() { return static_cast<std::uint32_t>(random_()); }
  std::string text() { return hostile_text(random_); }
  std::string maybe_text() { return chance() ? text() : ""; }
  std::optional<bool> maybe_bool() { return chance() ? std::optional(chance()) : std::nullopt; }
  template <class T, std::size_t kSize>
  T one_of(const std::array<T, kSize>& values) {
    return values[below(kSize)];
  }
  template <class T, class Make>
  std::vector<T> list(std::uint64_t most, Make make) {
    std::vector<T> out;
    for (std::uint64_t i = below(most + 1); i > 0; --i) out.push_back(make());
    return out;
  }
  std::vector<std::string> texts(std::uint64_t most = 2) {
    return list<std::string>(most, [this] { return text(); });
  }

  IpAddress address() {
    IpAddress address;
    address.family = chance() ? Family::kInet : Family::kInet6;
    const std::size_t length = address.octets().size();
    for (std::size_t i = 0; i < length; ++i) address.bytes[i] = static_cast<std::uint8_t>(random_());
    return address;
  }
  std::optional<IpAddress> maybe_address() { return chance() ? std::optional(address()) : std::nullopt; }

  /// Known with limits, or missing with a reason, or not looked for.
  template <class T>
  Observed<T> observed(T value) {
    if (below(3) == 0) return below(3) == 0 ? Observed<T>() : Observed<T>::missing(text());
    Observed<T> facet(std::move(value), text());
    for (const std::string& limit : texts()) facet.add_limit(limit);
    return facet;
  }

 private:
  std::mt19937_64& random_;
};

}  // namespace vpndoctor::test
