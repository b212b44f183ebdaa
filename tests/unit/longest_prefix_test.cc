// SPDX-License-Identifier: Apache-2.0
// The longest prefix among random ones, against a look at each of them.
#include "longest_prefix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace vpndoctor {
namespace {

template <class Key>
class LongestPrefixOf : public testing::Test {
 protected:
  static constexpr unsigned kBits = sizeof(Key) * 8;

  Key number() {
    Key number = 0;
    for (unsigned i = 0; i < kBits / 32; ++i) {
      number = static_cast<Key>((number << 16U) << 16U | static_cast<std::uint32_t>(random_()));
    }
    return number;
  }

  /// Prefixes of `lengths` whose first `common` bits are the same: the more, the more share a slot of the directory.
  std::vector<PrefixEntry<Key>> draw(std::size_t count, unsigned common, unsigned shortest, unsigned longest) {
    const Key base = number();
    std::vector<PrefixEntry<Key>> entries;
    for (std::uint32_t i = 0; i < count; ++i) {
      const Key address = common == 0 ? number() : static_cast<Key>(base ^ (number() >> common));
      const unsigned length = shortest + static_cast<unsigned>(random_() % (longest - shortest + 1));
      entries.push_back({.address = static_cast<Key>(address & ~(Prefixes::last_of(0, length))),
                         .length = static_cast<std::uint8_t>(length),
                         .route = i,
                         .kind = i * 7});
    }
    return entries;
  }

  using Prefixes = LongestPrefix<Key>;

  static const PrefixEntry<Key>* longest(const std::vector<PrefixEntry<Key>>& entries, Key key) {
    const PrefixEntry<Key>* found = nullptr;
    for (const auto& entry : entries) {  // of equal ones the first
      const bool holds = entry.address <= key && key <= Prefixes::last_of(entry.address, entry.length);
      if (holds && (found == nullptr || entry.length > found->length)) found = &entry;
    }
    return found;
  }

  static void expect_found(const Prefixes& prefixes, const std::vector<PrefixEntry<Key>>& entries, Key key) {
    const PrefixEntry<Key>* wanted = longest(entries, key);
    const auto& range = prefixes.ranges()[prefixes.position(key)];
    const auto* node = prefixes.find(key);
    ASSERT_LE(range.start(), key);
    ASSERT_EQ(node != nullptr, wanted != nullptr);
    if (wanted == nullptr) {
      ASSERT_EQ(range.route, Prefixes::kNone);
      return;
    }
    ASSERT_EQ(node->length, wanted->length);
    ASSERT_EQ(prefixes.routes(*node)[0], wanted->route);
    ASSERT_EQ(range.route, wanted->route);
    ASSERT_EQ(range.kind, wanted->kind);
    ASSERT_EQ(range.is_shared != 0, node->count > 1);
  }

  void expect_all_found(const std::vector<PrefixEntry<Key>>& entries) {
    const Prefixes prefixes(entries, [](std::span<std::uint32_t> numbers) { std::ranges::sort(numbers); });
    for (const auto& entry : entries) {
      const Key last = Prefixes::last_of(entry.address, entry.length);
      for (const Key key : {entry.address, last, static_cast<Key>(entry.address - 1), static_cast<Key>(last + 1)}) {
        expect_found(prefixes, entries, key);
      }
    }
    for (int i = 0; i < 200; ++i) expect_found(prefixes, entries, number());
    expect_found(prefixes, entries, 0);
    expect_found(prefixes, entries, static_cast<Key>(~Key{0}));
  }

  std::mt19937_64 random_{1};
};

using Keys = testing::Types<std::uint32_t, Uint128>;
TYPED_TEST_SUITE(LongestPrefixOf, Keys);

TYPED_TEST(LongestPrefixOf, NothingFindsNothing) { this->expect_all_found({}); }

TYPED_TEST(LongestPrefixOf, OneOfAnyLengthIsFound) {
  for (unsigned length = 0; length <= this->kBits; ++length) this->expect_all_found(this->draw(1, 0, length, length));
}

TYPED_TEST(LongestPrefixOf, ScatteredOnesAreFound) {
  for (const std::size_t count : {2U, 30U, 500U}) this->expect_all_found(this->draw(count, 0, 0, this->kBits));
}

TYPED_TEST(LongestPrefixOf, CrowdedOnesAreFound) {
  for (const unsigned common : {8U, 16U, this->kBits - 10U}) {
    auto entries = this->draw(400, common, common, this->kBits);
    const auto far = this->draw(3, 0, 1, this->kBits);  // stretches the slots
    entries.insert(entries.end(), far.begin(), far.end());
    for (std::uint32_t i = 0; i < entries.size(); ++i) entries[i].route = i;
    this->expect_all_found(entries);
  }
}

}  // namespace
}  // namespace vpndoctor
