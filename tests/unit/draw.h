// SPDX-License-Identifier: Apache-2.0
// Draws values of every type of the model at random, its usual value often.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/network.h"
#include "vpndoctor/observed.h"

namespace vpndoctor::testing_support {

/// Draws values of every type of the model.
class Draw {
 public:
  explicit Draw(std::mt19937_64& random) : random_(&random) {}

  std::uint64_t below(std::uint64_t end) { return (*random_)() % end; }
  bool chance(unsigned one_in) { return below(one_in) == 0; }

  template <class T>
  T number() {
    constexpr std::array<std::uint64_t, 5> kEdges = {0, 1, 2, std::numeric_limits<T>::max(), 255};
    return static_cast<T>(chance(3) ? (*random_)() : kEdges[below(kEdges.size())]);
  }
  template <class T>
  std::optional<T> maybe_number() {
    return chance(2) ? std::nullopt : std::optional<T>(number<T>());
  }
  std::optional<bool> maybe_truth() { return chance(2) ? std::nullopt : std::optional<bool>(chance(2)); }

  std::string text() {
    constexpr std::array<std::string_view, 12> kPieces = {
        "a", "\"", "\\", "\n", "\x01", "\x7f", "ü", "{\"x\":", "\xe2\x80\xae", "\xf0\x9f\xa6\x8a", " ", "/"};
    return joined(kPieces, 6);
  }
  std::string interface() {
    constexpr std::array<std::string_view, 9> kPieces = {"wg0", "eth", "-", ".1", "\"", "\\", "é", "@", "\x1b[31m"};
    std::string name = joined(kPieces, 4);
    return name.empty() ? "lo" : name;
  }
  /// An alternative name, or one in a rule: the kernel checks neither.
  std::string unchecked_interface() { return chance(2) ? interface() : "x" + text(); }
  std::string maybe_unchecked_interface() { return chance(2) ? std::string() : unchecked_interface(); }
  std::string maybe_interface() { return chance(2) ? std::string() : interface(); }
  std::string bytes() {
    std::string drawn(below(9), '\0');
    for (char& each : drawn) each = static_cast<char>(below(256));
    return drawn;
  }

  Family family() { return chance(2) ? Family::kInet : Family::kInet6; }
  IpAddress address(Family of) {
    IpAddress drawn{.family = of, .bytes = {}};
    const std::size_t size = drawn.octets().size();
    for (std::size_t i = 0; i < size; ++i) drawn.bytes[i] = chance(2) ? std::uint8_t{0} : number<std::uint8_t>();
    return drawn;
  }
  IpAddress address() { return address(family()); }
  std::optional<IpAddress> maybe_address() { return chance(2) ? std::nullopt : std::optional(address()); }
  std::optional<IpAddress> maybe_address(Family of) { return chance(2) ? std::nullopt : std::optional(address(of)); }
  IpPrefix prefix(Family of) { return IpPrefix::of(address(of), static_cast<unsigned>(below(address_bits(of) + 1))); }
  std::optional<IpPrefix> maybe_prefix(Family of) { return chance(2) ? std::nullopt : std::optional(prefix(of)); }
  std::optional<NumberRange> maybe_range() {
    if (chance(2)) return std::nullopt;
    return NumberRange{number<std::uint32_t>(), number<std::uint32_t>()};
  }

  template <class Make>
  auto list(std::uint64_t most, Make make) {
    std::vector<decltype(make())> drawn(below(most + 1));
    std::generate(drawn.begin(), drawn.end(), make);
    return drawn;
  }

  template <class T>
  Observed<T> observed(T value) {
    auto drawn = chance(5) ? Observed<T>::missing(text()) : Observed<T>(std::move(value), text());
    while (chance(4)) drawn.add_limit(text());
    return drawn;
  }

 private:
  template <std::size_t kCount>
  std::string joined(const std::array<std::string_view, kCount>& pieces, std::uint64_t most) {
    std::string drawn;
    for (auto left = below(most); left > 0; --left) drawn += pieces[below(kCount)];
    return drawn;
  }

  std::mt19937_64* random_;
};

}  // namespace vpndoctor::testing_support
