#include "loadgen/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

#include "base/cpu_list.h"
#include "base/duration.h"
#include "base/error.h"

namespace crossover {
namespace {

struct Texts {
  std::string method = "GET";
  std::string warmup = "1s";
  std::string duration = "5s";
  std::string connect_timeout = "10s";
  std::string request_timeout = "30s";
  std::string drain_timeout = "5s";
  std::string cpus;
  std::string targets;
  std::string closer = "client";
  std::string engine = "auto";
  std::string rate;
  std::string arrivals = "constant";
  std::string think;
  std::string shed_after;
  std::string spin;
  std::string interval;
  bool live = false;
  bool no_live = false;
  bool think_exponential = false;
  bool calibrate = false;
  uint64_t requests = 0;
  size_t threads = 0;
};

void AddLoadOptions(CLI::App& app, LoadOptions& load, Texts& texts) {
  const char* const kLoad = "Load";
  app.add_option("-c,--connections", load.connections, "Connections kept open")
      ->group(kLoad)
      ->capture_default_str();
  app.add_option("-t,--threads", texts.threads,
                 "Threads; 0: one per CPU it may use, at most one per active connection")
      ->group(kLoad)
      ->capture_default_str();
  app.add_option("--method", texts.method, "GET, HEAD or POST")
      ->group(kLoad)
      ->capture_default_str();
  app.add_option("--body-bytes", load.body_bytes, "Length of the body of a POST")
      ->group(kLoad)
      ->capture_default_str();
  app.add_option("--targets", texts.targets,
                 "Send several requests by weight, as this file of JSON tells: "
                 R"({"targets": [{"path": "/", "weight": 3}, {"path": "/echo", "method": "POST", )"
                 R"("body": "text"}]})")
      ->group(kLoad);
  app.add_option("--pipeline", load.pipeline, "Requests in flight on a connection (closed loop)")
      ->group(kLoad)
      ->capture_default_str();
  app.add_option("--cpus", texts.cpus, "Run the threads on these CPUs, one each: 0-3,8")
      ->group(kLoad);

  app.add_flag(
         "--busy-poll", load.busy_poll,
         "Poll, don't sleep, while there is load: on loopback it is the server's CPU that has "
         "to wake a client that sleeps. Takes each thread's CPU whole")
      ->group(kLoad);
  app.add_option("--engine", texts.engine,
                 "epoll, io_uring, or auto: io_uring where the kernel permits it")
      ->group(kLoad)
      ->capture_default_str();
}

void AddScheduleOptions(CLI::App& app, LoadOptions& load, Texts& texts) {
  const char* const kSchedule = "Schedule (closed: a request follows the response before it)";
  auto* const rate = app.add_option("--rate", texts.rate,
                                    "Open: requests per second over all connections, whether or "
                                    "not earlier ones are answered: 5000; in steps: "
                                    "1000@10s,2000@10s; a ramp: 1000-5000@20s")
                         ->group(kSchedule);
  app.add_option("--arrivals", texts.arrivals, "Spacing with --rate")
      ->check(CLI::IsMember({"constant", "poisson"}))
      ->needs(rate)
      ->group(kSchedule)
      ->capture_default_str();
  app.add_option("--shed-after", texts.shed_after,
                 "With --rate: a request that is later than that is not sent, and counted as shed")
      ->needs(rate)
      ->group(kSchedule);
  app.add_option("--spin", texts.spin,
                 "With --rate or --think: poll, don't sleep, for so long before a request is due "
                 "and after one is sent")
      ->group(kSchedule);
  auto* const think =
      app.add_option("--think", texts.think, "Closed: wait so long after each response")
          ->excludes(rate)
          ->group(kSchedule);
  app.add_flag("--think-exponential", texts.think_exponential,
               "Think times are exponentially distributed, --think their mean")
      ->needs(think)
      ->group(kSchedule);
  app.add_option("--active", load.active,
                 "Closed: so many connections at a time have a request under way; each response "
                 "passes that on to the one that has been idle the longest; 0: all of them")
      ->group(kSchedule)
      ->capture_default_str();
  app.add_option("--seed", load.schedule.seed,
                 "Of what is random in a schedule, and in the choice of --targets")
      ->group(kSchedule)
      ->capture_default_str();
}

void AddConnectionsOptions(CLI::App& app, LoadOptions& load, Texts& texts) {
  const char* const kConnections = "Connections";
  app.add_option("--requests-per-connection", load.requests_per_connection,
                 "Close a connection after so many requests, and make it anew for its next one; "
                 "0: never")
      ->group(kConnections)
      ->capture_default_str();
  app.add_option("--closer", texts.closer,
                 "Who closes first, and keeps the port in TIME_WAIT: client, or server (asked to "
                 "by the last request; or without a number whenever it announces it)")
      ->check(CLI::IsMember({"client", "server"}))
      ->group(kConnections)
      ->capture_default_str();
  app.add_option("--connect-rate", load.connect_rate,
                 "Connections begun per second at the start, at most; 0: as fast as they go")
      ->group(kConnections)
      ->capture_default_str();
  app.add_option("--connects-in-flight", load.connects_in_flight_max,
                 "Connections per thread begun and not yet served once, at the start")
      ->group(kConnections)
      ->capture_default_str();
}

void AddTimeOptions(CLI::App& app, Texts& texts) {
  const char* const kTime = "Time (a number and its unit: 250ms, 1.5s, 2m)";
  app.add_option("--warmup", texts.warmup, "Load before the measured window")
      ->group(kTime)
      ->capture_default_str();
  auto* const duration = app.add_option("-d,--duration", texts.duration, "The measured window")
                             ->group(kTime)
                             ->capture_default_str();
  app.add_option("-n,--requests", texts.requests,
                 "End the window with that many verified responses instead")
      ->group(kTime)
      ->excludes(duration);
  app.add_option("--connect-timeout", texts.connect_timeout,
                 "To establish a connection; to wait for its first response")
      ->group(kTime)
      ->capture_default_str();
  app.add_option("--request-timeout", texts.request_timeout, "For a response to be whole")
      ->group(kTime)
      ->capture_default_str();
  app.add_option("--drain-timeout", texts.drain_timeout,
                 "For outstanding responses after the window")
      ->group(kTime)
      ->capture_default_str();
}

void AddOutputOptions(CLI::App& app, CommandLine& line, Texts& texts) {
  const char* const kOutput = "Output";
  app.add_option("--json", line.json_path, "Write the result as JSON; -: to standard output")
      ->group(kOutput);
  app.add_option("--hgrm", line.hgrm_path,
                 "Write the latencies as HdrHistogram's percentile distribution, in milliseconds")
      ->group(kOutput);
  app.add_option("--trace", line.trace_path,
                 "Write the times of every verified response as CSV (kept in memory until the end)")
      ->group(kOutput);
  auto* const events =
      app.add_flag("--events", line.events,
                   "Tell progress and the result in lines of JSON on standard output, and wait for "
                   R"({"command":"go"} on standard input once connected)")
          ->group(kOutput);
  app.add_flag("--slices", line.slices,
               R"(With --events: instead of "go", load whenever standard input says {"command":)"
               R"("slice","duration_ns":200000000,"settle_ns":40000000,"tail_ns":0}, and stand )"
               R"(idle in between, until {"command":"end"}; {"command":"drain"} ends a tail)")
      ->needs(events)
      ->excludes("--warmup", "--duration", "--requests")
      ->group(kOutput);
  app.add_option("--interval", texts.interval,
                 "With --events: also tell so often what was done since (1s; 0s: don't). With "
                 "the live view: how often it is drawn; 500ms if not given")
      ->group(kOutput);
  auto* const live = app.add_flag("--live", texts.live,
                                  "Show how the run goes, on the terminal that standard error or "
                                  "else standard output is; on by itself where the output is text")
                         ->group(kOutput);
  app.add_flag("--no-live", texts.no_live, "Don't show how the run goes")
      ->excludes(live)
      ->group(kOutput);
}

void AddOptions(CLI::App& app, CommandLine& line, Texts& texts) {
  app.add_option("URL", line.load.url, "http://HOST[:PORT][/PATH]");
  app.add_flag("--calibrate", texts.calibrate,
               "Instead of a URL: find this client's own ceiling, in closed loops of 1, 200 and -c "
               "(8000) connections to a null responder on a CPU of its own, 2s each");
  app.set_help_flag("-h,--help", "Print this help and exit");
  AddLoadOptions(app, line.load, texts);
  AddScheduleOptions(app, line.load, texts);
  AddConnectionsOptions(app, line.load, texts);
  AddTimeOptions(app, texts);
  AddOutputOptions(app, line, texts);
}

// What is left of the options where there is a responder to find the ceiling against.
CalibrationOptions CalibrationOf(const CLI::App& app, const Texts& texts, const LoadOptions& load) {
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = option->get_name();
    static constexpr std::array kAllowed = {"--calibrate", "--connections", "--threads",  "--cpus",
                                            "--engine",    "--warmup",      "--duration", "--json"};
    if (option->count() > 0 &&
        std::find(kAllowed.begin(), kAllowed.end(), name) == kAllowed.end()) {
      throw UsageError("--calibrate: runs its own load, without " + name);
    }
  }
  CalibrationOptions options;
  if (app.count("--connections") > 0) options.connections = load.connections;
  if (app.count("--duration") > 0) options.duration_ns = load.duration_ns;
  options.threads = texts.threads > 0 ? texts.threads : std::max<size_t>(1, load.cpus.size());
  options.engine = load.engine;
  options.cpus = load.cpus;
  options.warmup_ns = load.warmup_ns;
  return options;
}

void Interpret(const CLI::App& app, const Texts& texts, CommandLine& line) {
  LoadOptions& load = line.load;
  load.method = ParseMethod(texts.method);
  load.warmup_ns = ParseDurationNs(texts.warmup, "--warmup");
  load.duration_ns = ParseDurationNs(texts.duration, "--duration");
  load.connect_timeout_ns = ParseDurationNs(texts.connect_timeout, "--connect-timeout");
  load.request_timeout_ns = ParseDurationNs(texts.request_timeout, "--request-timeout");
  load.drain_timeout_ns = ParseDurationNs(texts.drain_timeout, "--drain-timeout");
  load.engine = ParseEngine(texts.engine);
  if (texts.closer == "server") load.closer = Closer::kServer;
  if (!texts.targets.empty()) {
    if (app.count("--method") + app.count("--body-bytes") > 0) {
      throw UsageError(
          "--targets: its file tells methods and bodies; leave out --method and "
          "--body-bytes");
    }
    load.targets = ReadTargets(texts.targets);
  }
  if (!texts.rate.empty()) load.schedule.rate = ParseRate(texts.rate);
  if (texts.arrivals == "poisson") load.schedule.arrivals = ScheduleOptions::Arrivals::kPoisson;
  if (!texts.think.empty()) load.schedule.think_ns = ParseDurationNs(texts.think, "--think");
  load.schedule.think_exponential = texts.think_exponential;
  if (!texts.shed_after.empty()) {
    load.shed_after_ns = ParseDurationNs(texts.shed_after, "--shed-after");
  }
  if (!texts.spin.empty()) load.spin_ns = ParseDurationNs(texts.spin, "--spin");
  load.trace = !line.trace_path.empty();
  if (!texts.interval.empty()) load.interval_ns = ParseDurationNs(texts.interval, "--interval");
  if (texts.live && line.events) {
    throw UsageError("--live: --events tells machines, the live view people; choose one");
  }
  if (texts.live) line.live = true;
  if (texts.no_live || line.events) line.live = false;
  if (!texts.cpus.empty()) load.cpus = ParseCpuList(texts.cpus, "--cpus");
  if (app.count("--requests") > 0) load.requests = texts.requests;
  if (texts.calibrate) {
    line.calibration = CalibrationOf(app, texts, load);
    return;
  }
  if (load.url.empty()) throw UsageError("URL is required (see --help)");
  load.threads = texts.threads;
  if (load.threads == 0) {
    const size_t cpus = load.cpus.empty() ? AllowedCpus().size() : load.cpus.size();
    const size_t busy = load.active > 0 ? load.active : load.connections;
    load.threads = std::max<size_t>(1, std::min(cpus, busy));
  }
  if (line.events && line.json_path == "-") {
    throw UsageError("--json -: --events already writes the result to standard output");
  }
}

}  // namespace

CommandLine ParseCommandLine(int argc, const char* const* argv) {
  CommandLine line;
  Texts texts;
  CLI::App app(
      "Loads an HTTP server over many connections, verifies every response, and accounts for every "
      "request and connection.",
      "crossover-load");
  app.footer(
      "Exit status: 0 all was well; 1 something failed, or a connection was served nothing in the "
      "window; 2 it could not run.");
  AddOptions(app, line, texts);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    line.help = true;
    line.help_text = app.help();
    return line;
  } catch (const CLI::ParseError& error) {
    throw UsageError(std::string(error.what()) + " (see --help)");
  }
  Interpret(app, texts, line);
  return line;
}

}  // namespace crossover
