#include "harness/duet/duet_trial.h"

#include <cstring>
#include <ctime>
#include <memory>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/cpu_list.h"
#include "harness/architecture_facts.h"
#include "harness/child_process.h"
#include "harness/conversation.h"
#include "harness/duet/companion.h"
#include "harness/duet/duet.h"
#include "harness/duet/duet_findings.h"
#include "harness/loaded_server.h"
#include "harness/preflight.h"
#include "harness/probes/softirq_threads.h"
#include "harness/probes/taskstats_client.h"

namespace crossover {
namespace {

// A slice's first quarter is not counted.
constexpr int64_t kSettleParts = 4;
// Load goes on after the counted part until the server has been read, while it works; for so long
// at most. The harness has to get a CPU that the load generator keeps busy.
constexpr int64_t kTailNs = 15 * kNsPerMs;

struct ServerReading {
  int64_t time_ns = 0;
  std::optional<double> cpu_seconds;
  std::optional<double> switches;
};

ServerReading FromCounters(const nlohmann::json& counters, const std::string& label) {
  try {
    const nlohmann::json& usage = counters.at("rusage");
    return {.time_ns = counters.at("time_ns").get<int64_t>(),
            .cpu_seconds =
                (usage.at("user_us").get<double>() + usage.at("system_us").get<double>()) / 1e6,
            .switches = usage.at("voluntary_switches").get<double>() +
                        usage.at("involuntary_switches").get<double>()};
  } catch (const nlohmann::json::exception&) {
    throw TrialFailure("the counters of " + label + " lack rusage");
  }
}

// A contender that runs: its server and its load.
class LiveContender : public DuetContender {
 public:
  LiveContender(const TrialSetup& setup, size_t architecture, Conversation& conversation)
      : setup_(setup),
        trial_(setup.trial),
        label_(setup.experiment.architectures[architecture].label),
        conversation_(conversation),
        server_(conversation, " of " + label_) {
    trial_.architecture = architecture;
  }

  // `bills_companion`: its companion's CPU time counts as the server's.
  void Start(bool bills_companion);
  DuetSlice Play(int64_t duration_ns) override;
  void Stop();

 private:
  TrialSetup Setup() const {
    return {.experiment = setup_.experiment,
            .trial = trial_,
            .server_program = setup_.server_program,
            .load_program = setup_.load_program,
            .cpus = setup_.cpus,
            .deadlines = setup_.deadlines};
  }
  void StartCompanion(bool bills);
  void StopServerForAMoment() const;
  ServerReading Read();
  nlohmann::json Await(std::string_view event, int64_t duration_ns);

  const TrialSetup& setup_;
  PlannedTrial trial_;
  const std::string label_;
  Conversation& conversation_;
  LoadedServer server_;
  TaskstatsClient taskstats_;
  bool has_taskstats_ = false;
  SoftirqThreads softirq_;  // none, if it shares its CPUs
  std::optional<ChildProcess> companion_;
  std::optional<clockid_t> companion_clock_;  // if it counts
};

void LiveContender::StartCompanion(bool bills) {
  const CompanionSettings& settings = *setup_.experiment.companion;
  companion_.emplace(
      ChildProcess::Start({.name = "the companion of " + label_,
                           .argv = {settings.program, "--of", std::to_string(server_.server_pid()),
                                    "--share", std::to_string(settings.share)},
                           .cpus = setup_.cpus.server}));
  conversation_.Watch(*companion_, /*ends_by_itself=*/false);
  conversation_.Await(*companion_, "ready", MonotonicNs() + setup_.deadlines.ready_ns);
  if (!bills) return;
  clockid_t clock{};
  if (const int error = clock_getcpuclockid(companion_->pid(), &clock); error != 0) {
    throw TrialFailure("the companion's CPU time can't be read: " + std::string(strerror(error)));
  }
  companion_clock_ = clock;
}

void LiveContender::Start(bool bills_companion) {
  server_.StartServer(ServerCommand(Setup()), setup_.cpus.server, setup_.deadlines.ready_ns);
  has_taskstats_ = taskstats_.Open().empty();
  // The companion's share is of what the server itself takes.
  if (setup_.experiment.companion) {
    StartCompanion(bills_companion);
  } else if (!setup_.cpus.Overlap()) {
    softirq_.Open(setup_.cpus.server);
  }
  const std::string url = server_.address() + setup_.experiment.workloads[trial_.workload].path;
  const auto connected = server_.StartLoad(LoadCommand(Setup(), url), setup_.cpus.client,
                                           setup_.deadlines.connected_ns);
  const int64_t served = connected.value("served", int64_t{0});
  if (served < trial_.connections) {
    throw TrialFailure("of " + std::to_string(trial_.connections) + " connections to " + label_ +
                       " only " + std::to_string(served) + " were served");
  }
}

// The kernel adds up the CPU time of a thread that runs only now and then (at ticks, 4 ms apart),
// or when it stops running: of the 19 ms that are counted of a short slice that would be a fifth.
// So this process takes the server's CPUs for a moment.
void LiveContender::StopServerForAMoment() const {
  for (const int cpu : setup_.cpus.server) SetAffinity(0, {cpu});
  SetAffinity(0, setup_.cpus.client);
}

ServerReading LiveContender::Read() {
  StopServerForAMoment();
  const int64_t before_ns = MonotonicNs();
  std::string why;
  const auto softirq_ns = softirq_.CpuNs(why);
  const auto companion_ns =
      companion_clock_ ? static_cast<double>(ReadClockNs(*companion_clock_)) : 0.0;
  const auto with_others = [&](double seconds) {
    return softirq_ns ? std::optional(seconds + (*softirq_ns + companion_ns) / 1e9) : std::nullopt;
  };
  if (has_taskstats_) {
    if (const auto stats = taskstats_.Read(server_.server_pid(), why)) {
      return {.time_ns = before_ns + (MonotonicNs() - before_ns) / 2,
              .cpu_seconds = with_others(stats->cpu_ns / 1e9),
              .switches = stats->voluntary_switches + stats->involuntary_switches};
    }
    has_taskstats_ = false;  // the kernel refuses; what getrusage says is as precise
  }
  ServerReading reading = FromCounters(server_.Counters(setup_.deadlines.counters_ns), label_);
  reading.cpu_seconds = with_others(*reading.cpu_seconds);
  return reading;
}

nlohmann::json LiveContender::Await(std::string_view event, int64_t duration_ns) {
  return conversation_.Await(server_.load(), event,
                             MonotonicNs() + duration_ns + setup_.deadlines.done_ns);
}

DuetSlice LiveContender::Play(int64_t duration_ns) {
  const int64_t begin_ns = MonotonicNs();  // or, in the load generator, a little later
  // A child that no longer reads has ended or soon will: Await tells how.
  server_.load().Send({{"command", "slice"},
                       {"settle_ns", duration_ns / kSettleParts},
                       {"duration_ns", duration_ns},
                       {"tail_ns", kTailNs}});
  try {
    const auto settled = Await("slice_settled", duration_ns);
    const ServerReading from = Read();
    const auto over = Await("slice_over", duration_ns);
    const ServerReading to = Read();
    server_.load().Send({{"command", "drain"}});
    const auto drained = Await("slice_drained", duration_ns);
    if (const int64_t errors = drained.at("errors"); errors > 0) {
      throw TrialFailure(std::to_string(errors) + " requests to " + label_ + " failed");
    }
    const int64_t over_ns = over.at("time_ns");
    DuetSlice slice{
        .verified = over.at("verified").get<double>() - settled.at("verified").get<double>(),
        .seconds = static_cast<double>(over_ns - settled.at("time_ns").get<int64_t>()) / 1e9,
        // 0 if an end was not read: then the slice is not usable.
        .cpu_seconds = from.cpu_seconds && to.cpu_seconds ? *to.cpu_seconds - *from.cpu_seconds : 0,
        .switches = std::nullopt,
        .server_seconds = static_cast<double>(to.time_ns - from.time_ns) / 1e9,
        .late = to.time_ns > begin_ns + duration_ns + kTailNs};
    if (from.switches && to.switches) slice.switches = *to.switches - *from.switches;
    return slice;
  } catch (const nlohmann::json::exception& error) {
    throw TrialFailure("the load generator of " + label_ +
                       " told a slice without numbers: " + error.what());
  }
}

void LiveContender::Stop() {
  server_.load().Send({{"command", "end"}});
  server_.AwaitResult(setup_.deadlines.done_ns);
  server_.AwaitLoadEnd(setup_.deadlines.done_ns);
  if (companion_) {
    conversation_.Unwatch(*companion_);
    companion_->Stop(setup_.deadlines.stop_ns);
  }
  server_.StopServer(setup_.deadlines.stop_ns);
}

// The trial's architecture and the experiment's first, with what is said to them.
class LivePair : public DuetContenders {
 public:
  LivePair(const TrialSetup& setup, bool baseline_first)
      : setup_(setup),
        conversation_(setup.interrupt_fd, setup.on_tick),
        own_(setup, setup.trial.architecture, conversation_),
        baseline_(setup, 0, conversation_) {
    SetStage("connecting");
    if (baseline_first) baseline_.Start(/*bills_companion=*/false);
    own_.Start(/*bills_companion=*/true);
    if (!baseline_first) baseline_.Start(/*bills_companion=*/false);
    SetStage("measuring");
  }

  DuetContender& own() override { return own_; }
  DuetContender& baseline() override { return baseline_; }
  void Stop() override {
    SetStage("stopping");
    own_.Stop();
    baseline_.Stop();
  }

 private:
  void SetStage(std::string_view name) {
    conversation_.SetStage(name);
    if (setup_.on_stage) setup_.on_stage(name);
  }

  const TrialSetup& setup_;
  Conversation conversation_;
  LiveContender own_;
  LiveContender baseline_;
};

}  // namespace

std::string WhyNotBoth(const TrialSetup& setup, const MachineLimits& limits) {
  Experiment experiment = setup.experiment;
  experiment.architectures = {setup.experiment.architectures.front(),
                              setup.experiment.architectures[setup.trial.architecture]};
  experiment.connections = {setup.trial.connections};
  for (const ArchitectureLevel& level : experiment.architectures) {
    if (!ServesInProcesses(level.name)) continue;
    return level.label + " serves in many processes, whose CPU time can't be read quickly";
  }
  if (experiment.companion) {
    const size_t cpus = setup.cpus.server.size();
    if (std::string why = WhyNoCompanion(experiment.companion->share, cpus); !why.empty()) {
      return why;
    }
  }
  const auto checks = JudgeMachine(RequirementsOfBoth(experiment, limits.allowed_cpus), limits);
  return DescribeRefusals(checks);
}

nlohmann::json RunDuet(const TrialSetup& setup) {
  const Experiment& experiment = setup.experiment;
  MachineLimits limits = ReadMachineLimits();
  // This process keeps to the client's CPUs by now.
  limits.allowed_cpus = static_cast<int64_t>(setup.cpus.server.size() +
                                             (setup.cpus.Overlap() ? 0 : setup.cpus.client.size()));
  if (std::string why = WhyNotBoth(setup, limits); !why.empty()) {
    return {{"unavailable", std::move(why)}};
  }
  const DuetSettings& duet = *experiment.duet;
  DuetRules rules{.connections = ActiveConnections(experiment.workloads[setup.trial.workload],
                                                   setup.trial.connections),
                  .slice_ns = duet.slice_ns,
                  .pairs_max = static_cast<size_t>(duet.pairs),
                  .repetition = setup.trial.repetition,
                  .time_limit_ns = duet.time_limit_ns,
                  .enough = nullptr,
                  .now_ns = MonotonicNs};
  if (duet.precision > 0) {
    rules.enough = [&](std::span<const DuetPair> pairs) {
      const auto cpu = CompareSlices(pairs, "cpu_us_per_request");
      return cpu && Imprecision(cpu->ratio) <= duet.precision;
    };
  }
  const DuetOutcome outcome = PlayDuet(
      [&](bool baseline_first) { return std::make_unique<LivePair>(setup, baseline_first); },
      rules);
  nlohmann::json findings = ToJson(outcome);
  findings["baseline"] = experiment.architectures.front().label;
  return findings;
}

}  // namespace crossover
