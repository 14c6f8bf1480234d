#include "harness/duet/duet_command.h"

#include <cmath>
#include <iostream>
#include <optional>
#include <string_view>
#include <vector>

#include "base/cpu_list.h"
#include "base/error.h"
#include "harness/contender.h"
#include "harness/conversation.h"
#include "harness/duet/duet_findings.h"
#include "harness/duet/duet_text.h"
#include "harness/programs.h"
#include "harness/rig.h"
#include "harness/run_directory.h"
#include "harness/statistics/bootstrap.h"
#include "harness/statistics/effect_size.h"
#include "harness/statistics/serial_mean.h"
#include "harness/statistics/sign_flip.h"
#include "harness/trial.h"

namespace crossover {
namespace {

using nlohmann::json;

// Of the blocks' medians, by methods that don't take their logarithms for normal; the sign flips
// neither for independent of each other. With few blocks the interval is too narrow
// (paired_ratio.h), and p can't be small.
json SecondOpinion(const std::vector<double>& block_logs) {
  const double effective = EffectiveCount(block_logs);
  const double shrink = std::sqrt(effective / static_cast<double>(block_logs.size()));
  json opinion = {{"effective_blocks", effective},
                  {"sign_flip_probability", SignFlipProbability(block_logs, {.shrink = shrink})},
                  {"cohens_dz", CohensDz(block_logs)},
                  {"superiority", Superiority(block_logs)}};
  if (const auto bca = BcaMeanInterval95(block_logs)) {
    opinion["bca95_low"] = std::exp(bca->low);
    opinion["bca95_high"] = std::exp(bca->high);
  }
  return opinion;
}

json ReportOf(const Rig& rig, const Experiment& experiment, const DuetOutcome& outcome) {
  json comparisons = json::array();
  for (const std::string_view metric : kDuetMetrics) {
    const auto found = CompareSlices(outcome.pairs, metric);
    if (!found) continue;
    json entry = {{"metric", metric},
                  {"ratio", found->ratio.ratio},
                  {"pairs", found->pairs},
                  {"blocks", found->blocks()},
                  {"ci95_low", nullptr},
                  {"ci95_high", nullptr},
                  {"probability", found->ratio.probability}};
    if (found->ratio.interval95) {
      entry["ci95_low"] = found->ratio.interval95->low;
      entry["ci95_high"] = found->ratio.interval95->high;
      entry["second_opinion"] = SecondOpinion(found->block_logs);
    }
    comparisons.push_back(std::move(entry));
  }
  json findings = ToJson(outcome);
  findings["baseline"] = experiment.architectures[0].label;
  return {{"schema", "crossover-duet/1"},
          {"created_utc", UtcNow()},
          {"architecture", experiment.architectures[1].label},
          {"baseline", experiment.architectures[0].label},
          {"experiment", ToJson(experiment)},
          {"placement",
           {{"server_cpus", FormatCpuList(rig.cpus().server)},
            {"client_cpus", FormatCpuList(rig.cpus().client)}}},
          {"comparisons", std::move(comparisons)},
          {"findings", std::move(findings)}};
}

}  // namespace

Experiment DuetExperiment(const DuetChoice& choice) {
  const json file = {
      {"name", "duet"},
      {"architectures", {ParseContender(choice.baseline, "B"), ParseContender(choice.own, "A")}},
      {"connections", {choice.connections}},
      {"workloads", {{{"name", "duet"}, {"path", choice.path}}}},
      {"load", {{"busy_poll", true}}},
      {"canary", false}};
  Experiment experiment = ParseExperiment(file.dump(), "crossover duet");
  experiment.duet = choice.settings;
  const bool same = choice.own == choice.baseline;
  experiment.architectures[0].label = choice.baseline + (same ? " (B)" : "");
  experiment.architectures[1].label = choice.own + (same ? " (A)" : "");
  return experiment;
}

int DuetCommand(const DuetChoice& choice) {
  const Programs programs = FindPrograms(choice.server_program, choice.load_program);
  const Experiment experiment = DuetExperiment(choice);
  RefuseUnknownArchitectures(experiment, programs);
  Rig rig(programs, experiment.placement);
  std::string why;
  std::optional<DuetOutcome> outcome;
  try {
    outcome = rig.Duet(experiment, why);
  } catch (const TrialInterrupted&) {
    return 128 + rig.signal();
  } catch (const TrialFailure& failure) {
    std::cout << "The duet broke off: " << failure.what() << std::endl;
    return kExitFailure;
  }
  if (!outcome) {
    throw UsageError("no duet of " + choice.own + " and " + choice.baseline + ": " + why);
  }
  if (!choice.out.empty()) {
    ReplaceFile(choice.out, ReportOf(rig, experiment, *outcome).dump(1) + "\n");
  }
  std::cout << RenderDuet(experiment.architectures[1].label, experiment.architectures[0].label,
                          *outcome, experiment.duet->precision)
            << std::flush;
  return 0;
}

}  // namespace crossover
