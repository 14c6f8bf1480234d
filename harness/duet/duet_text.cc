#include "harness/duet/duet_text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <optional>
#include <vector>

#include "harness/duet/duet_findings.h"
#include "harness/statistics/median.h"
#include "harness/wording.h"

namespace crossover {
namespace {

constexpr double kLevel = 0.05;
constexpr double kTimes = 2;  // from here on a multiple is easier to read than a percentage

std::string Format(const char* format, double value) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

// "0.965 (0.961 to 0.969)"
std::string RatioText(const PairedRatio& ratio) {
  std::string text = Format("%.3f", ratio.ratio);
  if (!ratio.interval95) return text;
  return text + " (" + Format("%.3f", ratio.interval95->low) + " to " +
         Format("%.3f", ratio.interval95->high) + ")";
}

std::string MedianText(std::span<const DuetPair> pairs, DuetSlice DuetPair::*side,
                       std::string_view metric) {
  std::vector<double> values;
  for (const DuetPair& pair : pairs) {
    if (const auto value = MetricOf(pair.*side, metric)) values.push_back(*value);
  }
  return values.empty() ? "-" : NumberText(Median(values));
}

std::string Row(const std::array<std::string, 4>& cells, const std::array<size_t, 4>& widths) {
  std::string row;
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string& cell = cells[i];
    const size_t pad = widths[i] - std::min(widths[i], cell.size());
    row += i == 0 ? cell + std::string(pad, ' ') : "  " + std::string(pad, ' ') + cell;
  }
  return row + "\n";
}

// With pairs that count. Blocks follow each other.
size_t BlocksOf(const DuetOutcome& outcome) {
  size_t blocks = 0;
  for (size_t i = 0; i < outcome.pairs.size(); ++i) {
    blocks += i == 0 || outcome.pairs[i].block != outcome.pairs[i - 1].block ? 1 : 0;
  }
  return blocks;
}

std::string EndText(const std::string& ended_by) {
  if (ended_by == "time_limit") return ", ended by the time limit";
  return ended_by == "precision" ? ", ended by the precision asked for" : "";
}

// What the precision that was asked for would take, if it wasn't reached.
std::string StillNeededText(const DuetOutcome& outcome, double precision) {
  if (precision <= 0 || outcome.ended_by == "precision") return "";
  const auto cpu = CompareSlices(outcome.pairs, "cpu_us_per_request");
  if (!cpu || !cpu->ratio.interval95) return "";
  // Intervals narrow with the square root of the blocks.
  const double times = std::pow(Imprecision(cpu->ratio) / precision, 2);
  const double needed = std::ceil(static_cast<double>(cpu->blocks()) * (times - 1));
  if (needed <= 0) return "";
  constexpr double kFew = 10'000;
  return "To know the CPU per request to " + PercentText(precision) + " either way would take " +
         (needed < kFew ? "about " + CountText(static_cast<size_t>(needed), "more block")
                        : "very many more blocks") +
         ".\n";
}

}  // namespace

std::string RatioSentence(const std::string& own, const std::string& baseline,
                          const std::string& verb, const std::string& what,
                          const PairedRatio& ratio) {
  if (!ratio.interval95) {
    return "Too few blocks to compare the " + what + " of " + own + " and " + baseline +
           ": give it more time.";
  }
  if (ratio.probability >= kLevel) {
    return "No detectable difference in " + what + " between " + own + " and " + baseline +
           ": ratio " + RatioText(ratio) + ".";
  }
  const auto [low, high] = *ratio.interval95;
  if (ratio.ratio >= kTimes || ratio.ratio <= 1 / kTimes) {
    return own + " " + verb + " " + NumberText(ratio.ratio) + " times (" + NumberText(low) +
           " to " + NumberText(high) + ") the " + what + " of " + baseline + ".";
  }
  const bool more = ratio.ratio > 1;
  const auto percent = [&](double value) {
    return Format("%.1f", (more ? value - 1 : 1 - value) * 100);
  };
  return own + " " + verb + " " + percent(ratio.ratio) + " % (" + percent(more ? low : high) +
         " to " + percent(more ? high : low) + ") " + (more ? "more " : "less ") + what + " than " +
         baseline + ".";
}

std::string RenderDuet(const std::string& own, const std::string& baseline,
                       const DuetOutcome& outcome, double precision) {
  struct Line {
    const char* metric;
    const char* name;
    const char* verb;      // of its sentence, if it has one
    const char* sentence;  // what it is called there
  };
  static constexpr std::array<Line, 3> kLines = {{
      {"cpu_us_per_request", "CPU per request, us", "takes", "CPU per request"},
      {"throughput_rps", "requests per second", "has", "throughput"},
      {"context_switches_per_request", "context switches per request", nullptr, nullptr},
  }};
  const std::array<size_t, 4> widths = {28, std::max<size_t>(own.size(), 8),
                                        std::max<size_t>(baseline.size(), 8), 24};
  std::string sentences;
  std::string table = Row({"medians", own, baseline, "ratio (95 % interval)"}, widths);
  for (const Line& line : kLines) {
    const auto found = CompareSlices(outcome.pairs, line.metric);
    if (found && line.verb != nullptr) {
      sentences += RatioSentence(own, baseline, line.verb, line.sentence, found->ratio) + "\n";
    }
    table += Row({line.name, MedianText(outcome.pairs, &DuetPair::own, line.metric),
                  MedianText(outcome.pairs, &DuetPair::baseline, line.metric),
                  found ? RatioText(found->ratio) : "-"},
                 widths);
  }
  if (outcome.pairs.empty()) sentences = "No pair of slices could be used.\n";
  std::string text =
      sentences + "\n" + table + "\n" + CountText(outcome.pairs.size(), "pair") + " of slices of " +
      Format("%.0f ms", static_cast<double>(outcome.slice_ns) / 1e6) + " in " +
      CountText(BlocksOf(outcome), "block") + " of new servers" + EndText(outcome.ended_by);
  if (outcome.pairs_left_out > 0) {
    text += "; " + CountText(outcome.pairs_left_out, "more pair") +
            " left out, of which a part was idle or read too late";
  }
  return text + ".\n" + StillNeededText(outcome, precision);
}

}  // namespace crossover
