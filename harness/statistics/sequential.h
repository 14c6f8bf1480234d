// Pairs come in one after another: how many more, and when may one stop? Pure; any thread.
//
// Looking at data several times and stopping at the first "significant" difference is the classic
// mistake: looked at after every pair from the 20th to the 100th, equals are found different in 18
// of 100 runs instead of 5 (simulated). Two ways are sound:
// - Stop when the interval is as narrow as asked (Chow and Robbins, 1965). How wide it is says
// nothing
//   about where it lies, so that the error rate stays what it was, without a correction. What
//   little is lost is lost to scatter that looks small by chance; kPairsBeforeStopping keeps that
//   small. This is the one to use.
// - Stop when a difference is found, at most `looks` times, at LevelAtLook().
#pragma once

#include <cstddef>
#include <optional>

#include "harness/statistics/serial_mean.h"

namespace crossover {

inline constexpr size_t kPairsBeforeStopping = 20;

// Half the width of the ratio's 95 % interval, over the ratio, where `logs` is of the logarithms of
// ratios. Infinite for one pair.
double RelativeHalfWidth(const SerialMean& logs);

// Whether pairs may end: the half-width is at most `precision` (0.02: 2 %), with
// kPairsBeforeStopping pairs at least.
bool IsPrecise(const SerialMean& logs, double precision);

// How many more pairs it takes to be precise in that sense, if spread and correlation stay what
// they are now: 0 if IsPrecise(). The spread is an estimate too; about every other time it takes
// more. nullopt for one pair, and if it would take more than kPairsMax altogether. `precision` > 0.
inline constexpr size_t kPairsMax = 1'000'000;
std::optional<size_t> PairsStillNeeded(const SerialMean& logs, double precision);

// The p to stop at, at look 1, 2, ... `looks` (equally spaced in pairs), so that the chance of a
// false finding at any of them is at most `level`: at first next to nothing, most of it at the end.
// What is spent by a look follows O'Brien and Fleming (1979) by Lan and DeMets (1983), and what is
// added there is that look's share, as if looks were unrelated (Bonferroni): somewhat strict, and
// right for any test.
double LevelAtLook(size_t look, size_t looks, double level);

}  // namespace crossover
