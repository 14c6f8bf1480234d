// crossover: plans, runs and reports experiments.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <functional>

#include "base/duration.h"
#include "base/error.h"
#include "base/limits.h"
#include "harness/commands.h"
#include "harness/compare_command.h"
#include "harness/duet/duet_command.h"
#include "harness/search/capacity_command.h"
#include "harness/search/find_command.h"
#include "harness/selftest/self_test_command.h"

namespace crossover {
namespace {

struct CommandLine {
  RunChoice run;
  CompareChoice compare;
  std::filesystem::path run_directory;
  DuetChoice duet;
  std::string duet_time_limit = "20s";
  std::string duet_slice;
  SelfTestChoice selftest;
  std::string selftest_time_limit = "26s";
  FindChoice find;
  std::string find_time_limit = "16s";
  std::string find_duration = "1500ms";
  CapacityChoice capacity;
  std::string capacity_duration = "2s";
  std::function<int()> command;
};

void DeclareExperiment(CLI::App& app, CommandLine& line, bool required) {
  ExperimentChoice& choice = line.run.experiment;
  app.add_option("EXPERIMENT", choice.file, "An experiment file")->required(required);
  app.add_option("--repetitions", choice.repetitions, "Instead of the file's")
      ->check(CLI::Range(int64_t{1}, int64_t{limits::kRepetitionsMax}));
  app.add_option("--only", choice.only, "These architectures alone, by label or name: A,B")
      ->delimiter(',');
}

void DeclareRun(CLI::App& app, CommandLine& line) {
  DeclareExperiment(app, line, true);
  app.add_option("--out", line.run.place.out,
                 "Directory of this run (default: results/<UTC stamp>-<name>)");
  app.add_flag("--resume", line.run.place.resume,
               "Goes on with the run in --out (default: results/latest): trials that are recorded "
               "are not run again, not even those that failed");
  app.add_flag("--retry-failed", line.run.place.retry_failed,
               "With --resume: forgets the trials that failed outright, and runs them again")
      ->needs("--resume");
  app.add_option("--server-binary", line.run.experiment.server_program,
                 "Instead of the crossover-server beside this program");
  app.add_option("--load-binary", line.run.experiment.load_program,
                 "Instead of the crossover-load beside this program");
}

void DeclareDuet(CLI::App& app, CommandLine& line) {
  DuetChoice& duet = line.duet;
  app.add_option("A", duet.own, "An architecture, with knobs if need be: epoll-pool:workers=4")
      ->required();
  app.add_option("B", duet.baseline, "The one that it is compared with")->required();
  app.add_option("--connections", duet.connections, "To each of the two")
      ->check(CLI::Range(int64_t{1}, int64_t{limits::kConnectionsMax}))
      ->capture_default_str();
  app.add_option("--workload", duet.path, "The path that is asked for: /bytes/1024, /cpu/50")
      ->capture_default_str();
  auto* const pairs =
      app.add_option("--pairs", duet.settings.pairs, "Ends with so many pairs of slices")
          ->check(CLI::Range(int64_t{3}, int64_t{limits::kDuetPairsMax}))
          ->capture_default_str();
  auto* const precision =
      app.add_option("--precision", duet.settings.precision,
                     "Ends when CPU per request is known to so much on each side: 0.01 is 1 %")
          ->check(CLI::Range(0.0001, 0.5));
  app.add_option("--time-limit", line.duet_time_limit, "Ends after so long at the latest")
      ->capture_default_str();
  app.add_option("--slice", line.duet_slice,
                 "Length of a slice (default: two mean latencies, from 25ms to 1s)");
  app.add_option("--out", duet.out, "Write pairs and ratios to this file, as JSON");
  app.add_option("--server-binary", duet.server_program,
                 "Instead of the crossover-server beside this program");
  app.add_option("--load-binary", duet.load_program,
                 "Instead of the crossover-load beside this program");
  app.footer("Exit status: 0 done; 1 it broke off; 2 refused; 130 interrupted.");
  app.callback([&line, pairs, precision] {
    // A precision alone is to be reached, however many pairs it takes.
    if (precision->count() > 0 && pairs->count() == 0) {
      line.duet.settings.pairs = int64_t{limits::kDuetPairsMax};
    }
    line.duet.settings.time_limit_ns = ParseDurationNs(line.duet_time_limit, "--time-limit");
    if (!line.duet_slice.empty()) {
      line.duet.settings.slice_ns = ParseDurationNs(line.duet_slice, "--slice");
    }
    line.command = [&line] { return DuetCommand(line.duet); };
  });
}

void DeclareSelfTest(CLI::App& app, CommandLine& line) {
  SelfTestChoice& test = line.selftest;
  app.add_option("--comparisons", test.comparisons,
                 "Duets of a server with itself, and as many with each effect")
      ->check(CLI::Range(int64_t{1}, int64_t{10'000}))
      ->capture_default_str();
  app.add_option("--effects", test.effects_percent,
                 "How much more CPU one of the two takes, in per cent")
      ->delimiter(',')
      ->check(CLI::Range(0.1, 1000.0))
      ->capture_default_str();
  app.add_option("--only", test.architectures, "These architectures in turn: A,B (default: all)")
      ->delimiter(',');
  app.add_option("--time-limit", line.selftest_time_limit, "Ends each duet after so long")
      ->capture_default_str();
  app.add_flag("--fresh", test.fresh, "Forgets what earlier self-tests found here");
  app.add_flag("--show", test.only_show, "Only shows what they found")->excludes("--fresh");
  app.footer(
      "What it finds is added to results/selftest, and quoted by later reports on this machine.\n"
      "Exit status: 0 nothing speaks against the instrument; 1 something does; 2 refused;\n"
      "130 interrupted, with what was found kept.");
  app.callback([&line] {
    line.command = [&line] {
      line.selftest.results = kResultsDirectory;
      line.selftest.settings.time_limit_ns =
          ParseDurationNs(line.selftest_time_limit, "--time-limit");
      return SelfTestCommand(line.selftest);
    };
  });
}

void DeclareFind(CLI::App& app, CommandLine& line) {
  FindChoice& find = line.find;
  app.add_option("A", find.own, "An architecture, with knobs if need be: epoll-pool:workers=4")
      ->required();
  app.add_option("B", find.baseline, "The one that it is compared with")->required();
  app.add_option("--metric", find.metric, "cpu (per request), throughput, p50 or p99")
      ->capture_default_str();
  app.add_option("--axis", find.axis,
                 "connections, rate (requests/s), wait or cpu (us in the handler), active (% of "
                 "the connections) or requests (per connection)")
      ->capture_default_str();
  app.add_option("--range", find.range, "LOW:HIGH on the axis, such as 1:16000");
  app.add_option("--connections", find.connections, "To each, on any other axis")
      ->check(CLI::Range(int64_t{1}, int64_t{limits::kConnectionsMax}))
      ->capture_default_str();
  app.add_option("--workload", find.path, "The path that is asked for")->capture_default_str();
  app.add_option("--precision", find.settings.precision,
                 "A place is left when the ratio is known to so much on each side")
      ->check(CLI::Range(0.0001, 0.5))
      ->capture_default_str();
  app.add_option("--time-limit", line.find_time_limit,
                 "Or after so long, and 4 ms more for each connection")
      ->capture_default_str();
  app.add_option("--duration", line.find_duration, "Of a trial, where there can be no duet")
      ->capture_default_str();
  app.add_option("--places", find.places_max, "Reads so many places at most")
      ->check(CLI::Range(int64_t{5}, int64_t{100}))
      ->capture_default_str();
  app.add_option("--out", find.out, "Writes what was read to this file, as JSON");
  app.footer("Exit status: 0 done, crossing or not; 1 broke off; 2 refused; 130 interrupted.");
  app.callback([&line] {
    line.command = [&line] {
      line.find.settings.time_limit_ns = ParseDurationNs(line.find_time_limit, "--time-limit");
      line.find.duration_ns = ParseDurationNs(line.find_duration, "--duration");
      return FindCommand(line.find);
    };
  });
}

void DeclareCapacity(CLI::App& app, CommandLine& line) {
  CapacityChoice& capacity = line.capacity;
  app.add_option("ARCHITECTURE", capacity.contenders,
                 "One or more, with knobs if need be: epoll-pool:workers=4")
      ->required();
  app.add_option("--objective", capacity.objective, "p50, p90, p99 or p999 and its limit")
      ->capture_default_str();
  app.add_option("--connections", capacity.connections, "To each")
      ->check(CLI::Range(int64_t{1}, int64_t{limits::kConnectionsMax}))
      ->capture_default_str();
  app.add_option("--workload", capacity.path, "The path that is asked for")->capture_default_str();
  app.add_option("--duration", line.capacity_duration, "Of each trial")->capture_default_str();
  app.add_option("--out", capacity.out, "Writes the result to this file, as JSON");
  app.footer("Exit status: 0 done; 1 broke off; 2 refused; 130 interrupted.");
  app.callback([&line] {
    line.command = [&line] {
      line.capacity.duration_ns = ParseDurationNs(line.capacity_duration, "--duration");
      return CapacityCommand(line.capacity);
    };
  });
}

void DeclareCompare(CLI::App& app, CommandLine& line) {
  CompareChoice& choice = line.compare;
  app.add_option("A", choice.a, "Directory or report.json of the run to compare with")->required();
  app.add_option("B", choice.b, "The same of the run in question")->required();
  app.add_option("--metric", choice.metric, "One of a report's metrics")->capture_default_str();
  app.add_option("--fail-if-slower", choice.fail_if_slower,
                 "Exit status 1 if any cell is worse by more than that: 3%. Tested as such: the "
                 "chance that a run no worse than that fails is 5 % over all cells. Set it to what "
                 "you would put up with");
  auto* plain = app.add_flag_callback(
      "--plain", [&] { choice.judged = Judged::kPlain; },
      "Judges B/A as it stands (default if the runs have no baseline in common, or nothing else)");
  app.add_flag_callback(
         "--relative", [&] { choice.judged = Judged::kRelative; },
         "Judges each architecture's ratio to the baseline, which drift of the "
         "machine does not touch (default if both runs have A's first architecture "
         "and another)")
      ->excludes(plain);
  app.add_option("--json", choice.json, "Writes the comparison to this file as well");
  app.footer(
      "Exit status: 0 compared; 1 --fail-if-slower, and a cell is worse by more than that;\n"
      "2 refused, or nothing could be judged for --fail-if-slower.");
}

void Declare(CLI::App& app, CommandLine& line) {
  app.require_subcommand(1);

  CLI::App* run = app.add_subcommand("run", "Runs an experiment and reports what it found");
  run->footer(
      "Exit status: 0 all cells valid; 1 a trial failed or a cell is not valid; 2 refused;\n"
      "130 interrupted (the report of what was done is written).");
  DeclareRun(*run, line);
  run->callback([&] { line.command = [&] { return RunCommand(line.run); }; });

  DeclareDuet(*app.add_subcommand("duet", "Compares two architectures quickly, side by side"),
              line);

  DeclareFind(*app.add_subcommand("find", "Finds where the order of two architectures flips"),
              line);
  DeclareCapacity(
      *app.add_subcommand("capacity", "Finds the highest rate within an objective for latency"),
      line);
  DeclareSelfTest(
      *app.add_subcommand("selftest",
                          "Tests the instrument: can it tell a small difference from none?"),
      line);

  CLI::App* tune = app.add_subcommand(
      "tune", "Finds each architecture's best knobs here, and writes the experiment with them");
  tune->footer("Exit status: 0 done; 2 refused; 130 interrupted.");
  DeclareRun(*tune, line);
  tune->callback([&] { line.command = [&] { return TuneCommand(line.run); }; });

  CLI::App* plan = app.add_subcommand("plan", "Shows the trials of an experiment, in order");
  DeclareExperiment(*plan, line, true);
  plan->callback([&] { line.command = [&] { return PlanCommand(line.run.experiment); }; });

  CLI::App* report = app.add_subcommand("report", "Computes a run's report and charts again");
  report->add_option("DIR", line.run_directory, "Directory of a run")->required();
  report->callback([&] { line.command = [&] { return ReportCommand(line.run_directory); }; });

  CLI::App* compare =
      app.add_subcommand("compare", "Compares two runs, cell by cell: ratios with intervals");
  DeclareCompare(*compare, line);
  compare->callback([&] { line.command = [&] { return CompareCommand(line.compare); }; });

  CLI::App* doctor = app.add_subcommand(
      "doctor", "Checks whether an experiment fits on this machine (default: 16,000 threads)");
  DeclareExperiment(*doctor, line, false);
  doctor->footer("Exit status: 0 it fits; 2 it does not, and what to do is printed.");
  doctor->callback([&] { line.command = [&] { return DoctorCommand(line.run.experiment); }; });
}

int Main(int argc, char** argv) {
  // A child that has gone is seen where it is written to.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGCHLD, SIG_DFL);  // whoever ignored it: children are waited for here
  CLI::App app("Measures what the way a server schedules its connections costs.", "crossover");
  CommandLine line;
  Declare(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    throw UsageError(std::string(error.what()) + " (see --help)");
  }
  return line.command();
}

}  // namespace
}  // namespace crossover

int main(int argc, char** argv) {
  try {
    return crossover::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "crossover: %s\n", error.what());
    return crossover::kExitUsage;
  }
}
