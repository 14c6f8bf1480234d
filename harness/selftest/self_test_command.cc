#include "harness/selftest/self_test_command.h"

#include <algorithm>
#include <iostream>
#include <iterator>

#include "base/cpu_list.h"
#include "base/error.h"
#include "harness/architecture_facts.h"
#include "harness/conversation.h"
#include "harness/environment.h"
#include "harness/machine_limits.h"
#include "harness/programs.h"
#include "harness/rig.h"
#include "harness/run_directory.h"
#include "harness/selftest/self_test_checks.h"
#include "harness/selftest/self_test_log.h"
#include "harness/selftest/self_test_summary.h"
#include "harness/trial.h"
#include "harness/wording.h"

namespace crossover {
namespace {

using nlohmann::json;

struct PlannedDuet {
  size_t architecture;
  double injected;
};

// In rounds, each with every effect and none once, so that a test that is interrupted has as many
// of each. Architectures take turns.
std::vector<PlannedDuet> PlanDuets(const SelfTestChoice& choice, size_t architectures) {
  std::vector<PlannedDuet> plan;
  const auto rounds = static_cast<size_t>(choice.comparisons);
  for (size_t round = 0; round < rounds; ++round) {
    plan.push_back({.architecture = round % architectures, .injected = 0});
    for (size_t i = 0; i < choice.effects_percent.size(); ++i) {
      plan.push_back({.architecture = (round + i + 1) % architectures,
                      .injected = choice.effects_percent[i] / 100});
    }
  }
  return plan;
}

std::string ProgressText(const json& line) {
  const std::string check = line.at("check");
  if (check == "stall") return "a server that stalls: done";
  if (check == "ceiling") return "the client's ceiling: done";
  const std::string architecture = line.at("architecture");
  if (check == "ledger") {
    return "ledger of " + architecture + (line.at("closes").get<bool>() ? ": closes" : ": OPEN");
  }
  const std::string what =
      architecture + " against itself with " + PercentText(line.at("injected")) + " more CPU: ";
  if (line.contains("unavailable")) return what + line.at("unavailable").get<std::string>();
  const PairedRatio found = JudgeSelfTestDuet(line).value().ratio;
  char ratio[32];
  std::snprintf(ratio, sizeof ratio, "%.4f", found.ratio);
  return what + ratio +
         (found.probability < kSelfTestLevel ? ", a difference" : ", no detectable difference");
}

// The self-test under way: what it sees goes into the log at once.
class SelfTest {
 public:
  SelfTest(const SelfTestChoice& choice, const Programs& programs, std::vector<std::string> names,
           const std::filesystem::path& path, SelfTestLog& log)
      : choice_(choice),
        names_(std::move(names)),
        rig_(programs, {}),
        writer_(path, log.complete_bytes),
        log_(log) {
    std::ranges::copy_if(names_, std::back_inserter(duet_names_),
                         [](const std::string& name) { return !ServesInProcesses(name); });
  }

  // Returns the signal that interrupted it, or 0.
  int Run() {
    std::vector<PlannedDuet> duets;
    if (!duet_names_.empty()) duets = PlanDuets(choice_, duet_names_.size());
    total_ = duets.size() + names_.size() + 2;
    try {
      Keep(FindCeiling(rig_));
      Keep(CheckStall(rig_));
      for (const std::string& name : names_) Keep(CheckLedger(rig_, name));
      for (const PlannedDuet& duet : duets) {
        Keep(CompareWithItself(rig_, duet_names_[duet.architecture], duet.injected,
                               choice_.settings));
      }
    } catch (const TrialInterrupted&) {
      return rig_.signal();
    } catch (const TrialFailure& failure) {
      broke_off_ = failure.what();
    }
    return 0;
  }

  const std::string& broke_off() const { return broke_off_; }  // why; empty: it did not

 private:
  void Keep(json line) {
    line["utc"] = UtcNow();
    ParseSelfTestLog(line.dump() + "\n", "selftest");  // what it would refuse is not written
    writer_.Append(line);
    std::cout << "[" << ++done_ << "/" << total_ << "] " << ProgressText(line) << std::endl;
    log_.lines.push_back(std::move(line));
  }

  const SelfTestChoice& choice_;
  const std::vector<std::string> names_;
  std::vector<std::string> duet_names_;  // those that can have one
  Rig rig_;
  TrialWriter writer_;
  SelfTestLog& log_;
  std::string broke_off_;
  size_t done_ = 0;
  size_t total_ = 0;
};

std::vector<std::string> Contenders(const SelfTestChoice& choice, const Programs& programs) {
  const std::vector<std::string> known = KnownArchitectures(programs.server);
  for (const std::string& name : choice.architectures) {
    if (std::ranges::count(known, name) == 0) {
      throw UsageError("--only: there is no architecture '" + name +
                       "'; crossover-server --list shows the choice");
    }
  }
  return choice.architectures.empty() ? known : choice.architectures;
}

}  // namespace

int SelfTestCommand(const SelfTestChoice& choice) {
  const Programs programs = FindPrograms(choice.server_program, choice.load_program);
  const json environment =
      CaptureEnvironment(ReadMachineLimits(), {programs.server, programs.load});
  const std::string fingerprint = environment.at("fingerprint");
  const std::filesystem::path path = SelfTestLogPath(choice.results, fingerprint);
  SelfTestLog log = choice.fresh ? SelfTestLog{} : ReadSelfTestLog(path);
  int signal = 0;
  std::string broke_off;
  if (!choice.only_show) {
    std::filesystem::create_directories(path.parent_path());
    // An unknown name is refused before --fresh forgets anything.
    SelfTest test(choice, programs, Contenders(choice, programs), path, log);
    signal = test.Run();
    broke_off = test.broke_off();
  } else if (log.lines.empty()) {
    throw UsageError("there was no self-test in this environment (" + path.string() +
                     "); crossover selftest makes one");
  }
  const nlohmann::ordered_json summary = SummariseSelfTest(log.lines, fingerprint);
  const std::filesystem::path summary_path = std::filesystem::path(path).replace_extension(".json");
  ReplaceFile(summary_path, summary.dump(1) + "\n");
  std::cout << "\n" << RenderSelfTest(summary);
  const std::string why = DrawSelfTest(summary_path);
  std::cout << "Log: " << path.string() << "; " << (why.empty() ? "chart beside it" : why)
            << std::endl;
  if (signal != 0) return 128 + signal;
  if (!broke_off.empty()) std::cout << "It broke off: " << broke_off << std::endl;
  return broke_off.empty() && summary["failures"].empty() ? 0 : kExitFailure;
}

}  // namespace crossover
