#include "harness/trial.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/cpu_list.h"
#include "harness/canary.h"
#include "harness/conversation.h"
#include "harness/duet/duet_trial.h"
#include "harness/load_metrics.h"
#include "harness/loaded_server.h"
#include "harness/probe.h"
#include "harness/probes/softirq_threads.h"
#include "harness/profile/instrument.h"
#include "harness/profile/profile_files.h"
#include "harness/profile/server_cpu_clock.h"
#include "harness/profile/sliced_window.h"
#include "harness/run_directory.h"

namespace crossover {
namespace {

// The steps of one trial, and what they leave behind for its record.
class TrialRun {
 public:
  explicit TrialRun(const TrialSetup& setup)
      : setup_(setup),
        conversation_(setup.interrupt_fd, setup.on_tick),
        connections_(setup.trial.connections) {}

  // Throws TrialFailure when the trial breaks off; what was found until then stays.
  void Run() {
    CheckCapacity();
    StartServer();
    Connect();
    Measure();
    KeepFindings();
    StopServer();
  }

  void Conclude(const std::string& failure, TrialRecord& record) const;
  double probe_seconds() const { return probe_seconds_; }

 private:
  void Stage(std::string_view stage) {
    conversation_.SetStage(stage);
    if (setup_.on_stage) setup_.on_stage(stage);
  }
  int64_t In(int64_t ns) const { return MonotonicNs() + ns; }
  void ReadProbes(Moment moment) {
    if (server_.many_processes()) ListProcesses();
    for (AttachedProbe& probe : probes_) probe.Read(moment);
  }
  void ListProcesses() { processes_ = server_.ListProcesses(setup_.deadlines.counters_ns); }
  nlohmann::json Counters() { return server_.Counters(setup_.deadlines.counters_ns); }

  void CheckCapacity() const;
  void StartServer();
  void Connect();
  void Measure();
  void OpenInstrument(const ProbeTarget& target);
  void AwaitMeasured();
  void AwaitMeasuredInSlices();
  void KeepFindings();
  std::vector<pid_t> ServerPids();
  void StopServer();

  const TrialSetup& setup_;
  Conversation conversation_;
  const int64_t connections_;
  LoadedServer server_{conversation_};
  ServerProcesses processes_;  // if there are many
  std::vector<AttachedProbe> probes_ = MakeProbes();
  std::optional<double> connect_all_seconds_;
  double probe_seconds_ = 0;                // from the first reading in the window to its end
  double reading_seconds_ = 0;              // of these
  std::unique_ptr<Instrument> instrument_;  // if there is one in this pass, and it can be had
  std::optional<SlicedWindow> window_;
  std::vector<pid_t> instrumented_;  // the server's processes
  nlohmann::json findings_;          // the instrument's part of the record, or null
  nlohmann::json load_result_;
  nlohmann::json before_;
  nlohmann::json after_;
  nlohmann::json final_;
};

void TrialRun::CheckCapacity() const {
  const Workload& workload = setup_.experiment.workloads[setup_.trial.workload];
  if (!workload.open() || RateRps(workload, setup_.capacity_rps)) return;
  throw TrialFailure("its rate is a percentage of the throughput of workload " +
                     workload.percent_of + ", whose trial in this repetition has none");
}

void TrialRun::StartServer() {
  Stage("starting");
  server_.StartServer(ServerCommand(setup_), setup_.cpus.server, setup_.deadlines.ready_ns);
  ProbeTarget target{.server_pid = server_.server_pid(),
                     .server_cpus = setup_.cpus.server,
                     .has_cpus_to_itself = !setup_.cpus.Overlap()};
  if (server_.many_processes()) target.processes = &processes_;
  target.server_reports_rusage = Counters().contains("rusage");
  for (AttachedProbe& probe : probes_) probe.Attach(target);
  OpenInstrument(target);
  ReadProbes(Moment::kIdle);
}

void TrialRun::Connect() {
  Stage("connecting");
  const std::string url =
      server_.address() + setup_.experiment.workloads[setup_.trial.workload].path;
  const auto connected = server_.StartLoad(LoadCommand(setup_, url), setup_.cpus.client,
                                           setup_.deadlines.connected_ns);
  const auto seconds = connected.find("connect_seconds");
  if (seconds != connected.end() && seconds->is_number()) connect_all_seconds_ = *seconds;
  ReadProbes(Moment::kConnected);
}

void TrialRun::Measure() {
  Stage("warming up");
  const TrialDeadlines& deadlines = setup_.deadlines;
  conversation_.Ask(server_.load(), "go", "measuring", In(deadlines.measuring_ns));
  const int64_t probes_from_ns = MonotonicNs();
  before_ = Counters();  // first: to read thousands of processes takes a while
  ReadProbes(Moment::kWindowStart);
  reading_seconds_ = static_cast<double>(MonotonicNs() - probes_from_ns) / 1e9;
  Stage("measuring");
  AwaitMeasured();
  probe_seconds_ = static_cast<double>(MonotonicNs() - probes_from_ns) / 1e9;
  after_ = Counters();
  ReadProbes(Moment::kWindowEnd);
  Stage("draining");
  load_result_ = server_.AwaitResult(deadlines.done_ns);
  server_.AwaitLoadEnd(deadlines.done_ns);
}

void TrialRun::OpenInstrument(const ProbeTarget& target) {
  if (setup_.trial.pass == Pass::kThroughput) return;
  instrument_ = MakeInstrument(setup_.trial.pass);
  const std::string why =
      instrument_->Open({.server_pid = target.server_pid,
                         .server_cpus = target.server_cpus,
                         .client_cpus = setup_.cpus.client,
                         .settings = SettingsOf(setup_.experiment, setup_.trial.pass)});
  if (why.empty()) return;
  instrument_.reset();
  findings_ = {{"unavailable", why}};
}

void TrialRun::AwaitMeasured() {
  if (instrument_) return AwaitMeasuredInSlices();
  conversation_.Await(server_.load(), "measured", In(setup_.deadlines.measured_ns));
}

// All of the server's processes as they are now.
std::vector<pid_t> TrialRun::ServerPids() {
  if (!server_.many_processes()) return {server_.server_pid()};
  ListProcesses();
  return processes_.pids;
}

// Switches the instrument in turns until the window is over.
void TrialRun::AwaitMeasuredInSlices() {
  static constexpr std::array<std::string_view, 2> kEvents = {"interval", "measured"};
  instrumented_ = ServerPids();
  SoftirqThreads softirq;
  if (!setup_.cpus.Overlap()) softirq.Open(setup_.cpus.server);
  // A trace is of the server's own switches.
  if (setup_.trial.pass == Pass::kProfile) {
    std::ranges::copy(softirq.pids(), std::back_inserter(instrumented_));
  }
  const auto clock = std::make_shared<ServerCpuClock>(server_.server_pid(),
                                                      server_.many_processes(), std::move(softirq));
  window_.emplace(
      *instrument_, WindowNs(setup_.experiment, setup_.trial.pass),
      [clock] { return clock->Read(); },
      [this] {
        Counters();
        for (AttachedProbe& probe : probes_) probe.ReadInVain();
      });
  window_->Begin(MonotonicNs());
  const int64_t deadline_ns = In(setup_.deadlines.measured_ns);
  while (true) {
    const auto line = conversation_.AwaitAny(server_.load(), kEvents, deadline_ns);
    if (line.at("event") == "measured") break;
    if (line.value("phase", "") != "window") continue;  // the rest of the warm-up is told late
    window_->EndSlice(MonotonicNs(), line.value("verified", 0.0), line.value("seconds", 0.0));
  }
  window_->Close();
}

// It takes a while: the load is over by then, and the counters are read.
void TrialRun::KeepFindings() {
  if (!window_) return;
  std::ranges::copy(ServerPids(), std::back_inserter(instrumented_));
  std::ranges::sort(instrumented_);
  Findings findings = instrument_->Finish(instrumented_, window_->SlicesOn());
  findings_ = std::move(findings.record);
  nlohmann::json& slices = findings_["slices"] = nlohmann::json::array();
  for (const InstrumentSlice& slice : window_->slices()) slices.push_back(ToJson(slice));
  if (findings.file_suffix.empty()) return;
  const std::string name =
      CellFileName(setup_.experiment,
                   setup_.experiment.architectures[setup_.trial.architecture].label, connections_,
                   setup_.experiment.workloads[setup_.trial.workload].name) +
      (setup_.trial.repetition == 0 ? "" : "@" + std::to_string(setup_.trial.repetition + 1)) +
      findings.file_suffix;
  ReplaceFile(setup_.directory / name, findings.file_text);
  findings_["file"] = (setup_.directory.filename() / name).string();
}

void TrialRun::StopServer() {
  Stage("stopping");
  final_ = server_.StopServer(setup_.deadlines.stop_ns);
}

void TrialRun::Conclude(const std::string& failure, TrialRecord& record) const {
  record.load = load_result_;
  record.server_before = before_;
  record.server_after = after_;
  record.server_final = final_;
  record.findings = findings_;
  if (failure.empty()) {
    SetLoadMetrics(load_result_, connect_all_seconds_, record.metrics);
    const TrialFacts facts{.connections = connections_,
                           .throughput_rps = MetricOf(record.metrics, "throughput_rps").value_or(0),
                           .server_cpu_count = setup_.cpus.server.size(),
                           .server_before = before_,
                           .server_after = after_};
    for (const AttachedProbe& probe : probes_) probe.Derive(facts, record.metrics);
    SetMetric(record.metrics, "probing_ratio", reading_seconds_ / probe_seconds_);
    FillMissingMetrics(record.metrics, "no probe reads it");
  } else {
    FillMissingMetrics(record.metrics, "the trial failed: " + failure);
  }
}

}  // namespace

TrialDeadlines DeadlinesFor(const Experiment& experiment, const PlannedTrial& trial) {
  const LoadSettings& load = experiment.load;
  // A thread for each connection takes long to make and to unmake on a busy machine.
  const int64_t slack_ns = 30 * kNsPerSecond + trial.connections * 5 * kNsPerMs;
  return {.ready_ns = slack_ns,
          .connected_ns = load.connect_timeout_ns + load.request_timeout_ns + slack_ns,
          .measuring_ns = load.warmup_ns + slack_ns,
          .measured_ns = WindowNs(experiment, trial.pass) + slack_ns,
          .done_ns = load.drain_timeout_ns + load.request_timeout_ns + slack_ns,
          .counters_ns = slack_ns,
          .stop_ns = slack_ns};
}

std::vector<std::string> ServerCommand(const TrialSetup& setup) {
  std::vector<std::string> argv = setup.experiment.launcher.server;
  argv.push_back(setup.server_program);
  for (std::string& word :
       ServerArguments(setup.experiment.architectures[setup.trial.architecture])) {
    argv.push_back(std::move(word));
  }
  argv.insert(argv.end(), {"--listen", "127.0.0.1:0"});
  if (!setup.cpus.Overlap()) {
    // Its counters are asked for at both ends of the window, when its own CPUs are the busiest.
    argv.insert(argv.end(), {"--control-cpus", FormatCpuList(setup.cpus.client)});
  }
  return argv;
}

std::vector<std::string> LoadCommand(const TrialSetup& setup, const std::string& url) {
  const LoadSettings& load = setup.experiment.load;
  const Workload& workload = setup.experiment.workloads[setup.trial.workload];
  int64_t threads =
      load.threads > 0 ? load.threads : static_cast<int64_t>(setup.cpus.client.size());
  const int64_t connections = setup.trial.connections;
  threads = std::clamp<int64_t>(threads, 1, ActiveConnections(workload, connections));
  std::vector<std::string> argv = setup.experiment.launcher.client;
  argv.insert(
      argv.end(),
      {setup.load_program, "--events", "--connections", std::to_string(connections), "--threads",
       std::to_string(threads), "--drain-timeout", DurationText(load.drain_timeout_ns),
       "--connect-timeout", DurationText(load.connect_timeout_ns), "--request-timeout",
       DurationText(load.request_timeout_ns), "--cpus", FormatCpuList(setup.cpus.client)});
  if (load.busy_poll) argv.emplace_back("--busy-poll");
  if (setup.trial.pass == Pass::kDuet) {
    argv.emplace_back("--slices");
  } else {
    argv.insert(argv.end(), {"--warmup", DurationText(load.warmup_ns), "--duration",
                             DurationText(WindowNs(setup.experiment, setup.trial.pass))});
    if (setup.trial.pass != Pass::kThroughput) {
      argv.insert(argv.end(), {"--interval", DurationText(kSliceNs)});
    }
  }
  for (std::string& word : LoadArguments(workload, connections, setup.capacity_rps)) {
    argv.push_back(std::move(word));
  }
  argv.push_back(url);
  return argv;
}

TrialRecord RunTrial(const TrialSetup& setup) {
  const int64_t start_ns = MonotonicNs();
  TrialRecord record;
  record.index = setup.trial.index;
  record.repetition = setup.trial.repetition;
  record.pass = setup.trial.pass;
  record.architecture = setup.experiment.architectures[setup.trial.architecture].label;
  record.connections = setup.trial.connections;
  record.workload = setup.experiment.workloads[setup.trial.workload].name;
  record.started_utc = UtcNow();
  if (setup.experiment.canary) record.canary = MeasureCanary(setup.cpus.server.front());
  if (setup.trial.pass == Pass::kDuet) {
    try {
      record.findings = RunDuet(setup);
    } catch (const TrialFailure& error) {
      record.verdict.reasons = {{.code = "failed", .detail = error.what()}};
    }
    FillMissingMetrics(record.metrics, "a duet yields ratios");
    record.seconds = static_cast<double>(MonotonicNs() - start_ns) / 1e9;
    return record;
  }
  std::string failure;
  double probe_seconds = 0;
  {
    TrialRun run(setup);
    try {
      run.Run();
    } catch (const TrialFailure& error) {
      failure = error.what();
    }
    run.Conclude(failure, record);
    probe_seconds = run.probe_seconds();
  }
  if (record.canary) {
    const auto after_ns = MeasureLoopback(setup.cpus.server.front());
    record.canary->loopback_ns = MeanOf(record.canary->loopback_ns, after_ns);
  }
  record.verdict = Judge({.connections = record.connections,
                          .failure = failure,
                          .load = record.load,
                          .server_before = record.server_before,
                          .server_after = record.server_after,
                          .server_final = record.server_final,
                          .client_on_server_cpus = setup.cpus.Overlap(),
                          .client_cpus = setup.cpus.Overlap() ? 0 : setup.cpus.client.size(),
                          .probe_seconds = probe_seconds,
                          .metrics = record.metrics,
                          .canary = record.canary,
                          .canary_history = setup.canary_history});
  record.seconds = static_cast<double>(MonotonicNs() - start_ns) / 1e9;
  return record;
}

std::string UtcNow() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

}  // namespace crossover
