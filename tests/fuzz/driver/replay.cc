// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target without libFuzzer: every seed whole, cut short at every length, and mutated a fixed number of
// times from a fixed start, so that two runs do the same. It searches nothing; it keeps the targets from rotting.
#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr int kMutations = 20'000;
constexpr std::size_t kLongestRandom = 2'000;

/// Gives the target an allocation of exactly this size, so that a read past its end is seen.
void run(const Bytes& input) {
  const Bytes exact(input);
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

/// Reads every file of the folders, in the order of their names: the mutations must be the same on every machine.
std::vector<Bytes> read_seeds(int count, char** folders) {
  std::set<std::filesystem::path> paths;
  for (int i = 0; i < count; ++i) {
    if (!std::filesystem::is_directory(folders[i])) continue;
    for (const auto& entry : std::filesystem::directory_iterator(folders[i])) paths.insert(entry.path());
  }
  std::vector<Bytes> seeds;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return seeds;
}

std::uint8_t random_byte(std::mt19937& random) {
  constexpr std::uint8_t kEdges[] = {0, 1, 0x7f, 0x80, 0xff};
  const auto value = random();
  return value % 2 == 0 ? kEdges[value / 2 % std::size(kEdges)] : static_cast<std::uint8_t>(value >> 8);
}

Bytes mutated(Bytes input, std::mt19937& random) {
  for (auto edits = 1 + random() % 4; edits > 0; --edits) {
    const std::size_t at = input.empty() ? 0 : random() % input.size();
    const auto where = input.begin() + static_cast<std::ptrdiff_t>(at);
    switch (input.empty() ? 0 : random() % 4) {
      case 0:
        input.insert(where, random_byte(random));
        break;
      case 1:
        input.erase(where);
        break;
      case 2:
        input.resize(at);
        break;
      default:
        *where = random_byte(random);
    }
  }
  return input;
}

Bytes random_bytes(std::mt19937& random) {
  Bytes bytes(random() % kLongestRandom);
  for (auto& byte : bytes) byte = random_byte(random);
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Bytes> seeds = read_seeds(argc - 1, argv + 1);
  if (seeds.empty()) {
    fmt::print(stderr, "no seeds: give folders that contain some\n");
    return 1;
  }
  std::mt19937 random(1);
  for (const Bytes& seed : seeds) {
    for (auto length = seed.size() + 1; length-- > 0;) {
      run(Bytes(seed.begin(), seed.begin() + static_cast<std::ptrdiff_t>(length)));
    }
  }
  for (int i = 0; i < kMutations; ++i) {
    run(i % 10 == 0 ? random_bytes(random) : mutated(seeds[random() % seeds.size()], random));
  }
  fmt::print("{} seeds, every prefix of each, {} mutations\n", seeds.size(), kMutations);
  return 0;
}
