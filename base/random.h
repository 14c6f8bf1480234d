// Random numbers that hang on nothing but what they are for, so that the same seed gives the same
// run, in whatever order threads ask.
#pragma once

#include <cstddef>
#include <cstdint>

namespace crossover {

inline constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;

// Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014): its mixer.
inline uint64_t MixBits(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// Uniform within (0, 1], from the high 53 of the bits.
inline double UniformFromBits(uint64_t bits) {
  return (static_cast<double>(bits >> 11) + 1) * 0x1p-53;
}

// Uniform within (0, 1]: of request k of connection i.
inline double UniformOf(uint64_t seed, uint64_t i, uint64_t k) {
  return UniformFromBits(MixBits(MixBits(MixBits(seed * kGolden) + i * kGolden) + k * kGolden));
}

// The same paper's generator: a sequence. For one thread at a time.
class RandomSequence {
 public:
  explicit RandomSequence(uint64_t seed) : state_(MixBits(seed)) {}
  uint64_t Bits() { return MixBits(state_ += kGolden); }
  double Uniform() { return UniformFromBits(Bits()); }  // within (0, 1]
  // 0 to bound - 1; bound at most 2^32. Some come more often than others by bound / 2^32 of their
  // share.
  size_t Below(uint64_t bound) { return (Bits() >> 32) * bound >> 32; }

 private:
  uint64_t state_;
};

}  // namespace crossover
