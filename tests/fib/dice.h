// SPDX-License-Identifier: Apache-2.0
// Seeded randomness for tests: the same seed gives the same world on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <vector>

namespace vpndoctor::fib_test {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}

  /// A number below `end`, which must not be 0.
  std::uint32_t below(std::size_t end) { return static_cast<std::uint32_t>(engine_() % end); }
  std::uint64_t bits() { return engine_(); }
  bool chance(unsigned percent) { return below(100) < percent; }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }
  template <class T>
  T one_of(std::initializer_list<T> from) {
    return from.begin()[below(from.size())];
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace vpndoctor::fib_test
