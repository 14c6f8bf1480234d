// A mean that few values far out don't move: on a shared machine one slice in ten may lose a tenth
// of its time to somebody else. Pure; any thread.
#pragma once

#include <span>
#include <vector>

namespace crossover {

inline constexpr double kTrimShare = 0.2;        // left out of the mean, at either end
inline constexpr size_t kTrimmedValuesMin = 10;  // fewer are taken as they are

// Stand-ins for `values`, in their order: their plain mean is the trimmed mean of `values`, and the
// 95 % interval of Student's t around it is Yuen's ("The two-sample trimmed t for unequal
// population variances", Biometrika 1974, by the winsorized variance). So what is made for means,
// and looks at the order of values or draws from them, serves trimmed ones. Symmetric: those of the
// negative values are the negative ones. `values` themselves if they are fewer than
// kTrimmedValuesMin, or if all that is left after trimming is one number.
std::vector<double> TrimmedStandIns(std::span<const double> values);

}  // namespace crossover
