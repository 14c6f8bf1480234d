#include "harness/trial.h"

#include <algorithm>
#include <ctime>
#include <optional>

#include "base/clock.h"
#include "base/cpu_list.h"
#include "harness/canary.h"
#include "harness/child_process.h"
#include "harness/conversation.h"
#include "harness/load_metrics.h"
#include "harness/probe.h"

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
    if (many_processes_) ListProcesses();
    for (AttachedProbe& probe : probes_) probe.Read(moment);
  }
  nlohmann::json Counters() {
    return conversation_.Ask(*server_, "counters", "counters", In(setup_.deadlines.counters_ns));
  }

  void CheckCapacity() const;
  void ListProcesses();
  void StartServer();
  void Connect();
  void Measure();
  void StopServer();
  void AwaitLoadEnd();

  const TrialSetup& setup_;
  Conversation conversation_;
  const int64_t connections_;
  std::optional<ChildProcess> server_;
  std::optional<ChildProcess> load_;
  bool many_processes_ = false;
  ServerProcesses processes_;  // if there are many
  std::vector<AttachedProbe> probes_ = MakeProbes();
  std::string url_;
  std::optional<double> connect_all_seconds_;
  double probe_seconds_ = 0;
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

void TrialRun::ListProcesses() {
  const auto listed =
      conversation_.Ask(*server_, "processes", "processes", In(setup_.deadlines.counters_ns));
  try {
    processes_ = {.pids = listed.at("pids").get<std::vector<pid_t>>(),
                  .ended = listed.at("ended").get<int64_t>(),
                  .time_ns = MonotonicNs()};
  } catch (const nlohmann::json::exception& error) {
    throw TrialFailure(std::string("the server did not list its processes: ") + error.what());
  }
}

void TrialRun::StartServer() {
  Stage("starting");
  server_.emplace(ChildProcess::Start(
      {.name = "the server", .argv = ServerCommand(setup_), .cpus = setup_.cpus.server}));
  conversation_.Watch(*server_, /*ends_by_itself=*/false);
  const auto ready = conversation_.Await(*server_, "ready", In(setup_.deadlines.ready_ns));
  ProbeTarget target{.server_pid = server_->pid(), .server_cpus = setup_.cpus.server};
  try {
    url_ = "http://" + ready.at("address").get<std::string>() + ":" +
           std::to_string(ready.at("port").get<int>()) +
           setup_.experiment.workloads[setup_.trial.workload].path;
    // Behind a launcher the server is another process than the child.
    target.server_pid = ready.value("pid", server_->pid());
    many_processes_ = ready.value("processes", "one") == "many";
  } catch (const nlohmann::json::exception& error) {
    throw TrialFailure(std::string("the server's ready line lacks its address: ") + error.what());
  }
  if (many_processes_) target.processes = &processes_;
  target.server_reports_rusage = Counters().contains("rusage");
  for (AttachedProbe& probe : probes_) probe.Attach(target);
  ReadProbes(Moment::kIdle);
}

void TrialRun::Connect() {
  Stage("connecting");
  load_.emplace(ChildProcess::Start({.name = "the load generator",
                                     .argv = LoadCommand(setup_, url_),
                                     .cpus = setup_.cpus.client}));
  conversation_.Watch(*load_, /*ends_by_itself=*/true);
  const auto connected =
      conversation_.Await(*load_, "connected", In(setup_.deadlines.connected_ns));
  const auto seconds = connected.find("connect_seconds");
  if (seconds != connected.end() && seconds->is_number()) connect_all_seconds_ = *seconds;
  ReadProbes(Moment::kConnected);
}

void TrialRun::Measure() {
  Stage("warming up");
  const TrialDeadlines& deadlines = setup_.deadlines;
  conversation_.Ask(*load_, "go", "measuring", In(deadlines.measuring_ns));
  const int64_t probes_from_ns = MonotonicNs();
  before_ = Counters();  // first: to read thousands of processes takes a while
  ReadProbes(Moment::kWindowStart);
  Stage("measuring");
  conversation_.Await(*load_, "measured", In(deadlines.measured_ns));
  probe_seconds_ = static_cast<double>(MonotonicNs() - probes_from_ns) / 1e9;
  after_ = Counters();
  ReadProbes(Moment::kWindowEnd);
  Stage("draining");
  auto done = conversation_.Await(*load_, "done", In(deadlines.done_ns));
  if (!done.contains("result") || !done["result"].is_object()) {
    throw TrialFailure("the load generator's last line carries no result");
  }
  load_result_ = std::move(done["result"]);
  AwaitLoadEnd();
}

void TrialRun::AwaitLoadEnd() {
  conversation_.Unwatch(*load_);
  const auto status = load_->Wait(In(setup_.deadlines.done_ns));
  if (!status) throw TrialFailure("the load generator did not end after its result");
  // Status 1 says that requests failed: the verdict looks at that itself.
  if (status->signal != 0 || status->code > 1) {
    throw TrialFailure(DescribeEnd(*load_, *status, "ending"));
  }
}

void TrialRun::StopServer() {
  Stage("stopping");
  final_ = conversation_.Ask(*server_, "stop", "done", In(setup_.deadlines.stop_ns));
  conversation_.Unwatch(*server_);
  const auto status = server_->Wait(In(setup_.deadlines.stop_ns));
  if (!status) throw TrialFailure("the server did not end after its last line");
  if (!status->Success()) throw TrialFailure(DescribeEnd(*server_, *status, "stopping"));
}

void TrialRun::Conclude(const std::string& failure, TrialRecord& record) const {
  record.load = load_result_;
  record.server_before = before_;
  record.server_after = after_;
  record.server_final = final_;
  if (failure.empty()) {
    SetLoadMetrics(load_result_, connect_all_seconds_, record.metrics);
    const TrialFacts facts{.connections = connections_,
                           .throughput_rps = MetricOf(record.metrics, "throughput_rps").value_or(0),
                           .server_cpu_count = setup_.cpus.server.size(),
                           .server_before = before_,
                           .server_after = after_};
    for (const AttachedProbe& probe : probes_) probe.Derive(facts, record.metrics);
    FillMissingMetrics(record.metrics, "no probe reads it");
  } else {
    FillMissingMetrics(record.metrics, "the trial failed: " + failure);
  }
}

}  // namespace

TrialDeadlines DeadlinesFor(const Experiment& experiment, int64_t connections) {
  const LoadSettings& load = experiment.load;
  // A thread for each connection takes long to make and to unmake on a busy machine.
  const int64_t slack_ns = 30 * kNsPerSecond + connections * 5 * kNsPerMs;
  // The load generator gives a request 30 s.
  const int64_t request_ns = 30 * kNsPerSecond;
  return {.ready_ns = slack_ns,
          .connected_ns = load.connect_timeout_ns + request_ns + slack_ns,
          .measuring_ns = load.warmup_ns + slack_ns,
          .measured_ns = load.duration_ns + slack_ns,
          .done_ns = load.drain_timeout_ns + request_ns + slack_ns,
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
  argv.insert(argv.end(),
              {setup.load_program, "--events", "--connections", std::to_string(connections),
               "--threads", std::to_string(threads), "--warmup", DurationText(load.warmup_ns),
               "--duration", DurationText(load.duration_ns), "--drain-timeout",
               DurationText(load.drain_timeout_ns), "--connect-timeout",
               DurationText(load.connect_timeout_ns), "--cpus", FormatCpuList(setup.cpus.client)});
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
  record.architecture = setup.experiment.architectures[setup.trial.architecture].label;
  record.connections = setup.trial.connections;
  record.workload = setup.experiment.workloads[setup.trial.workload].name;
  record.started_utc = UtcNow();
  if (setup.experiment.canary) record.canary = MeasureCanary(setup.cpus.server.front());
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
  record.verdict = Judge({.connections = record.connections,
                          .failure = failure,
                          .load = record.load,
                          .server_before = record.server_before,
                          .server_after = record.server_after,
                          .server_final = record.server_final,
                          .client_on_server_cpus = setup.cpus.Overlap(),
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
