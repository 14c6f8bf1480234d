// Many tests at once. Pure; any thread.
#pragma once

#include <span>
#include <vector>

namespace crossover {

// Which of a family of tests still reject at `level` after the correction of Holm (1979), in the
// order given. The chance of even one false rejection among all of them is at most `level`.
std::vector<bool> HolmRejections(std::span<const double> probabilities, double level);

}  // namespace crossover
