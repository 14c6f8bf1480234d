// Random numbers that hang on nothing but what they are for, so that the same seed gives the same
// run, in whatever order threads ask. Pure.
#pragma once

#include <cstdint>

namespace crossover {

// Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014): its mixer.
inline uint64_t MixBits(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// Uniform within (0, 1]: of request k of connection i.
inline double UniformOf(uint64_t seed, uint64_t i, uint64_t k) {
  constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;
  const uint64_t bits = MixBits(MixBits(MixBits(seed * kGolden) + i * kGolden) + k * kGolden);
  return (static_cast<double>(bits >> 11) + 1) * 0x1p-53;
}

}  // namespace crossover
