#include "harness/experiment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/duration.h"
#include "base/error.h"
#include "harness/plan.h"

namespace crossover {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

const std::vector<std::string> kKnown = {"thread-per-connection", "worker-pool", "epoll-pool"};

Experiment Shipped(const std::string& name) {
  const auto directory = std::filesystem::path(__FILE__).parent_path() / "experiments";
  const std::string path = directory / (name + ".json");
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return ParseExperiment(text.str(), path);
}

json Minimal() {
  return {{"name", "mini"}, {"architectures", {"epoll-pool"}}, {"connections", {100}}};
}

json Full() {
  return json::parse(R"({
    "name": "full", "description": "All keys.", "seed": 7, "repetitions": 3,
    "placement": {"server": "0-2", "client": "3,5"},
    "architectures": ["worker-pool",
      {"name": "epoll-pool", "label": "epoll-4",
       "options": {"workers": 4, "workers_max": 9, "overflow": "grow", "stack_bytes": 65536,
                   "batch": 64, "busy_poll": "50us",
                   "backlog": 128, "idle_timeout": "90s", "header_timeout": "1.5s"}}],
    "connections": [8000, 200],
    "axis": {"label": "x"},
    "workloads": [{"name": "hello", "at": null},
                  {"name": "echo", "method": "POST", "path": "/echo", "body_bytes": 100, "at": 1}],
    "load": {"threads": 2, "warmup": "0s", "duration": "2m", "drain_timeout": "250ms",
             "connect_timeout": "100ms", "request_timeout": "2m"},
    "profile": {"repetitions": 2}, "trace": {"duration": "2s"}, "canary": false,
    "launcher": {"server": ["ssh", "box"], "client": ["nice", "-n", "5"]}})");
}

std::string MessageOf(const std::string& text) {
  try {
    ParseExperiment(text, "e.json", kKnown);
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), StartsWith("e.json: "));
    EXPECT_THAT(error.what(), testing::Not(HasSubstr("\n")));
    return std::string(error.what()).substr(std::string("e.json: ").size());
  }
  return "accepted";
}

// The message for the minimal experiment with one key replaced.
std::string MessageWith(const char* key, const json& value) {
  json experiment = Minimal();
  experiment[key] = value;
  return MessageOf(experiment.dump());
}

TEST(Experiment, FillsEveryDefault) {
  const Experiment experiment = ParseExperiment(Minimal().dump(), "e.json", kKnown);
  Experiment expected;
  expected.name = "mini";
  expected.architectures = {{.name = "epoll-pool", .label = "epoll-pool", .options = {}}};
  expected.connections = {100};
  EXPECT_EQ(experiment, expected);
  EXPECT_EQ(ToJson(experiment), json::parse(R"({
    "name": "mini", "description": "", "seed": 20210401, "repetitions": 5,
    "placement": "isolated",
    "architectures": [{"name": "epoll-pool", "label": "epoll-pool", "options": {}}],
    "connections": [100],
    "workloads": [{"name": "hello", "method": "GET", "path": "/", "body_bytes": 0}],
    "load": {"threads": 0, "warmup": "1500ms", "duration": "4s", "drain_timeout": "5s",
             "connect_timeout": "10s"},
    "canary": true, "launcher": {"server": [], "client": []}})"));
}

TEST(Experiment, ReadsEveryKey) {
  const Experiment experiment = ParseExperiment(Full().dump(), "e.json", kKnown);
  EXPECT_EQ(experiment.description, "All keys.");
  EXPECT_EQ(experiment.seed, 7u);
  EXPECT_EQ(experiment.repetitions, 3);
  EXPECT_EQ(experiment.placement.mode, Placement::Mode::kExplicit);
  EXPECT_THAT(experiment.placement.server_cpus, ElementsAre(0, 1, 2));
  EXPECT_THAT(experiment.placement.client_cpus, ElementsAre(3, 5));
  ASSERT_EQ(experiment.architectures.size(), 2u);
  EXPECT_EQ(experiment.architectures[1].label, "epoll-4");
  EXPECT_EQ(experiment.architectures[1].options,
            (ArchitectureFlags{.workers = 4,
                               .workers_max = 9,
                               .overflow = "grow",
                               .stack_bytes = 65536,
                               .batch = 64,
                               .busy_poll_ns = 50'000,
                               .backlog = 128,
                               .idle_timeout_ns = 90'000'000'000,
                               .header_timeout_ns = 1'500'000'000}));
  EXPECT_THAT(experiment.connections, ElementsAre(200, 8000));
  EXPECT_EQ(experiment.workloads[0], Workload{});
  EXPECT_EQ(
      experiment.workloads[1],
      (Workload{.name = "echo", .method = "POST", .path = "/echo", .body_bytes = 100, .at = 1}));
  EXPECT_EQ(experiment.axis, Axis{"x"});
  EXPECT_EQ(experiment.load, (LoadSettings{.threads = 2,
                                           .warmup_ns = 0,
                                           .duration_ns = 120'000'000'000,
                                           .drain_timeout_ns = 250'000'000,
                                           .connect_timeout_ns = 100'000'000,
                                           .request_timeout_ns = 120'000'000'000}));
  EXPECT_FALSE(experiment.canary);
  EXPECT_THAT(experiment.launcher.server, ElementsAre("ssh", "box"));
  EXPECT_THAT(experiment.launcher.client, ElementsAre("nice", "-n", "5"));
}

TEST(Experiment, SurvivesNormalisation) {
  for (const json& text : {Minimal(), Full()}) {
    const Experiment once = ParseExperiment(text.dump(), "e.json", kKnown);
    EXPECT_EQ(ParseExperiment(ToJson(once).dump(), "again.json", kKnown), once);
  }
  json shared = Minimal();
  shared["placement"] = "shared";
  const Experiment experiment = ParseExperiment(shared.dump(), "e.json");
  EXPECT_EQ(experiment.placement.mode, Placement::Mode::kShared);
  EXPECT_EQ(ParseExperiment(ToJson(experiment).dump(), "again.json"), experiment);
}

TEST(Experiment, RefusesUnknownKeysAtEveryDepth) {
  EXPECT_EQ(MessageWith("conections", 1),
            "unknown key \"conections\"; did you mean 'connections'?");
  EXPECT_EQ(MessageWith("load", {{"warm_up", "1s"}}),
            "load: unknown key \"warm_up\"; did you mean 'warmup'?");
  EXPECT_EQ(MessageWith("workloads", {{{"name", "a"}, {"pth", "/"}}}),
            "workloads[0]: unknown key \"pth\"; did you mean 'path'?");
  EXPECT_EQ(MessageWith("architectures", {{{"name", "epoll-pool"}, {"lable", "x"}}}),
            "architectures[0]: unknown key \"lable\"; known are: name, label, options");
  EXPECT_EQ(MessageWith("architectures", {{{"name", "epoll-pool"}, {"options", {{"worker", 1}}}}}),
            "architectures[0].options: unknown key \"worker\"; did you mean 'workers'?");
  EXPECT_EQ(MessageWith("placement", {{"servers", "0"}, {"client", "1"}}),
            "placement: unknown key \"servers\"; did you mean 'server'?");
  EXPECT_EQ(MessageWith("launcher", {{"clint", json::array()}}),
            "launcher: unknown key \"clint\"; did you mean 'client'?");
}

TEST(Experiment, RefusesArchitecturesThatDoNotExist) {
  EXPECT_EQ(MessageWith("architectures", {"epol-pool"}),
            "architectures[0]: unknown value \"epol-pool\"; did you mean 'epoll-pool'?");
  EXPECT_EQ(MessageWith("architectures", {"go"}),
            "architectures[0]: unknown value \"go\"; known are: thread-per-connection, "
            "worker-pool, epoll-pool");
  json unchecked = Minimal();
  unchecked["architectures"] = {"go"};
  EXPECT_EQ(ParseExperiment(unchecked.dump(), "e.json").architectures[0].name, "go");
}

TEST(Experiment, RefusesWhatIsMissingOrEmpty) {
  for (const char* key : {"name", "architectures", "connections"}) {
    json experiment = Minimal();
    experiment.erase(key);
    EXPECT_THAT(MessageOf(experiment.dump()), StartsWith("the key '" + std::string(key) + "'"));
  }
  for (const char* key : {"architectures", "connections", "workloads"}) {
    EXPECT_EQ(MessageWith(key, json::array()), std::string(key) + ": is empty; name at least one");
  }
  EXPECT_THAT(MessageOf("[]"), StartsWith("must be an object"));
}

TEST(Experiment, RefusesWhatRepeats) {
  EXPECT_EQ(MessageWith("connections", {100, 200, 100}),
            "connections[2]: appears twice; name each number of connections once");
  EXPECT_EQ(MessageWith("architectures", {"epoll-pool", {{"name", "epoll-pool"}}}),
            "architectures[1]: the label 'epoll-pool' is taken; give each entry a \"label\" of "
            "its own");
  EXPECT_EQ(MessageWith("workloads", {{{"name", "a"}}, {{"name", "a"}}}),
            "workloads[1]: the name 'a' is taken; give it another");
  EXPECT_THAT(MessageOf(R"({"name":"a","name":"b"})"), HasSubstr("\"name\" appears twice"));
}

TEST(Experiment, HoldsNumbersAgainstTheirLimits) {
  EXPECT_THAT(MessageWith("connections", {0}), StartsWith("connections[0]: must be a whole"));
  EXPECT_THAT(MessageWith("connections", {1'000'001}), HasSubstr("from 1 to 1000000"));
  EXPECT_THAT(MessageWith("connections", {1.5}), StartsWith("connections[0]: must be a whole"));
  EXPECT_THAT(MessageWith("connections", {"100"}), StartsWith("connections[0]: must be a whole"));
  EXPECT_THAT(MessageWith("repetitions", 0), StartsWith("repetitions: must be a whole"));
  EXPECT_THAT(MessageWith("repetitions", 1001), StartsWith("repetitions: must be a whole"));
  EXPECT_THAT(MessageWith("seed", -1), StartsWith("seed: must be a whole"));
  EXPECT_THAT(MessageWith("seed", int64_t{1} << 53), StartsWith("seed: must be a whole"));
  EXPECT_THAT(MessageWith("load", {{"threads", 1025}}), StartsWith("load.threads: must be a"));
  const auto option = [](const char* key, const json& value) {
    return MessageWith("architectures", {{{"name", "epoll-pool"}, {"options", {{key, value}}}}});
  };
  EXPECT_EQ(option("workers", 0), "accepted");  // one for each CPU
  EXPECT_THAT(option("workers", 1025), StartsWith("architectures[0].options.workers: must"));
  EXPECT_THAT(option("workers_max", 0), StartsWith("architectures[0].options.workers_max: must"));
  EXPECT_THAT(option("stack_bytes", 4096), StartsWith("architectures[0].options.stack_bytes: "));
  EXPECT_THAT(option("backlog", 65'536), StartsWith("architectures[0].options.backlog: must"));
  EXPECT_THAT(option("idle_timeout", "0s"), StartsWith("architectures[0].options.idle_timeout: "));
  EXPECT_EQ(option("overflow", "rejct"),
            "architectures[0].options.overflow: unknown value \"rejct\"; did you mean 'reject'?");
}

TEST(Experiment, HoldsTheNumberOfTrialsAgainstItsLimit) {
  json experiment = Minimal();
  experiment["repetitions"] = 1000;
  experiment["connections"] = json::array();
  for (int i = 1; i <= 100; ++i) experiment["connections"].push_back(i);
  EXPECT_EQ(MessageOf(experiment.dump()), "accepted");
  experiment["connections"].push_back(101);
  EXPECT_EQ(MessageOf(experiment.dump()),
            "asks for 101000 trials, and 100000 is the limit; name fewer levels or repetitions");
}

TEST(Experiment, RefusesNamesThatWouldBreakFilesAndTables) {
  for (const char* name : {"", "a b", "../x", "-x", ".x", "a|b", "a\nb", "\xc3\xa4"}) {
    EXPECT_THAT(MessageWith("name", name), StartsWith("name: must be a name")) << name;
  }
  EXPECT_THAT(MessageWith("name", std::string(65, 'a')), StartsWith("name: must be a name"));
  EXPECT_EQ(MessageWith("name", std::string(64, 'a')), "accepted");
  EXPECT_THAT(MessageWith("architectures", {{{"name", "epoll-pool"}, {"label", "a b"}}}),
              StartsWith("architectures[0].label: must be a name"));
  EXPECT_THAT(MessageWith("description", "two\nlines"), StartsWith("description: must be one"));
}

TEST(Experiment, RefusesWorkloadsThatAreNoRequests) {
  const auto workload = [](json value) {
    value["name"] = "w";
    return MessageWith("workloads", json::array({value}));
  };
  for (const char* path : {"", "hello", "/a b", "/a\r\nX: y", "/a#b"}) {
    EXPECT_THAT(workload({{"path", path}}), StartsWith("workloads[0].path: must be a path"));
  }
  EXPECT_THAT(workload({{"method", "get"}}), StartsWith("workloads[0].method: unknown value"));
  EXPECT_EQ(workload({{"body_bytes", 1}}),
            "workloads[0].body_bytes: a body needs \"method\":\"POST\"");
  EXPECT_THAT(workload({{"method", "POST"}, {"body_bytes", 1'048'577}}),
              StartsWith("workloads[0].body_bytes: must be a whole"));
}

TEST(Experiment, RefusesPlacementsThatCannotBeMeant) {
  EXPECT_EQ(MessageWith("placement", "isolate"),
            "placement: unknown value \"isolate\"; did you mean 'isolated'?");
  EXPECT_THAT(MessageWith("placement", 1), StartsWith("placement: must be \"isolated\""));
  EXPECT_EQ(MessageWith("placement", {{"server", "0"}}),
            "placement: the key 'client' is missing; add \"client\":\"1\"");
  EXPECT_EQ(MessageWith("placement", {{"server", "0-"}, {"client", "1"}}),
            "placement.server: '0-' is not a list of CPUs; write it as 0-3,8");
  EXPECT_EQ(MessageWith("placement", {{"server", "0-1"}, {"client", "1-2"}}),
            "placement: server and client share CPU 1; give them disjoint lists, or twice the "
            "same one");
  EXPECT_EQ(MessageWith("placement", {{"server", "0-1"}, {"client", "0,1"}}), "accepted");
}

TEST(Experiment, RefusesDurationsAndLaunchersOfTheWrongKind) {
  EXPECT_THAT(MessageWith("load", {{"duration", 4}}), StartsWith("load.duration: must be a dur"));
  EXPECT_THAT(MessageWith("load", {{"duration", "4"}}), StartsWith("load.duration: '4' is not"));
  EXPECT_THAT(MessageWith("load", {{"duration", "1ms"}}), StartsWith("load.duration: must be at"));
  EXPECT_THAT(MessageWith("launcher", {{"server", "ssh box"}}),
              StartsWith("launcher.server: must be an array"));
  EXPECT_THAT(MessageWith("launcher", {{"server", {"ssh", ""}}}),
              StartsWith("launcher.server[1]: a launcher is"));
  EXPECT_THAT(MessageWith("canary", "yes"), StartsWith("canary: must be true or false"));
}

TEST(Experiment, RefusesAFileOfAnotherKind) {
  EXPECT_THAT(MessageOf("{\"name\": \"a\",}"), StartsWith("line 1, column 14: not valid JSON"));
  EXPECT_THAT(MessageOf(std::string(1'048'577, ' ')), StartsWith("larger than 1048576 bytes"));
}

TEST(Experiment, ReadsItsInstruments) {
  json text = Minimal();
  text["profile"] = json::object();
  text["trace"] = json::object();
  EXPECT_EQ(ParseExperiment(text.dump(), "e.json").profile, InstrumentSettings{});
  text["profile"] = {{"repetitions", 3}, {"duration", "10s"}, {"samples_per_second", 999}};
  text["trace"] = {{"repetitions", 2}, {"duration", "1s"}};
  const Experiment experiment = ParseExperiment(text.dump(), "e.json");
  EXPECT_EQ(experiment.profile,
            (InstrumentSettings{
                .repetitions = 3, .duration_ns = 10'000'000'000, .samples_per_second = 999}));
  EXPECT_EQ(experiment.trace, (InstrumentSettings{.repetitions = 2, .duration_ns = 1'000'000'000}));
  EXPECT_EQ(ParseExperiment(ToJson(experiment).dump(), "again.json"), experiment);
  EXPECT_EQ(RepetitionsOf(experiment, Pass::kProfile), 3);
  EXPECT_EQ(RepetitionsOf(experiment, Pass::kTrace), 2);
  EXPECT_EQ(WindowNs(experiment, Pass::kThroughput), 4'000'000'000);
  EXPECT_EQ(WindowNs(experiment, Pass::kTrace), 1'000'000'000);
  EXPECT_EQ(RepetitionsOf(ParseExperiment(Minimal().dump(), "e.json"), Pass::kProfile), 0);
}

TEST(Experiment, RefusesInstrumentsThatCannotBeHad) {
  EXPECT_THAT(MessageWith("trace", {{"samples_per_second", 999}}),
              StartsWith("trace: unknown key \"samples_per_second\""));
  EXPECT_EQ(MessageWith("profile", {{"durations", "1s"}}),
            "profile: unknown key \"durations\"; did you mean 'duration'?");
  EXPECT_THAT(MessageWith("profile", {{"duration", "999ms"}}),
              StartsWith("profile.duration: must be at"));
  EXPECT_EQ(MessageWith("trace", {{"duration", "1h"}}),
            "trace.duration: is more than 60s, for which there is no room; use more repetitions");
  EXPECT_THAT(MessageWith("trace", {{"repetitions", 0}}),
              StartsWith("trace.repetitions: must be a whole"));
  EXPECT_THAT(MessageWith("profile", {{"samples_per_second", 9}}),
              StartsWith("profile.samples_per_second: must be a whole"));
  EXPECT_THAT(MessageWith("profile", {{"samples_per_second", 20'001}}),
              StartsWith("profile.samples_per_second: must be a whole"));
}

TEST(Experiment, CountsTheTrialsOfItsInstrumentsAsWell) {
  json experiment = Minimal();
  experiment["repetitions"] = 998;
  experiment["connections"] = json::array();
  for (int i = 1; i <= 100; ++i) experiment["connections"].push_back(i);
  experiment["profile"] = json::object();
  experiment["trace"] = json::object();
  EXPECT_EQ(MessageOf(experiment.dump()), "accepted");
  experiment["trace"] = {{"repetitions", 2}};
  EXPECT_THAT(MessageOf(experiment.dump()), StartsWith("asks for 100100 trials"));
}

TEST(ExperimentFingerprint, ChangesWithEveryKeyAndOnlyThen) {
  const Experiment base = ParseExperiment(Minimal().dump(), "e.json");
  // FNV-1a 64 of the normalised JSON, computed in Python.
  EXPECT_EQ(ExperimentFingerprint(base), "305b41acbc10e9d0");
  json same = Minimal();
  same["repetitions"] = 5;
  EXPECT_EQ(ExperimentFingerprint(ParseExperiment(same.dump(), "e.json")),
            ExperimentFingerprint(base));
  const json full = Full();
  for (const auto& [key, value] : full.items()) {
    json changed = Minimal();
    changed[key] = value;
    if (key == "axis") changed["workloads"] = full["workloads"];
    if (key == "workloads") changed["axis"] = full["axis"];
    EXPECT_NE(ExperimentFingerprint(ParseExperiment(changed.dump(), "e.json")),
              ExperimentFingerprint(base))
        << key;
  }
}

TEST(ServerArguments, NameOnlyWhatIsSet) {
  const Experiment experiment = ParseExperiment(Full().dump(), "e.json");
  EXPECT_THAT(ServerArguments(experiment.architectures[0]),
              ElementsAre("--architecture", "worker-pool"));
  EXPECT_THAT(ServerArguments(experiment.architectures[1]),
              ElementsAre("--architecture", "epoll-pool", "--workers", "4", "--workers-max", "9",
                          "--overflow", "grow", "--stack-bytes", "65536", "--batch", "64",
                          "--busy-poll", "50us", "--backlog", "128", "--idle-timeout", "90s",
                          "--header-timeout", "1500ms"));
}

TEST(DurationText, IsReadBackExactly) {
  EXPECT_EQ(DurationText(0), "0s");
  EXPECT_EQ(DurationText(1'500'000'000), "1500ms");
  for (const int64_t ns : {int64_t{1}, int64_t{999}, int64_t{1'000}, int64_t{1'500'000},
                           int64_t{4'000'000'000}, int64_t{86'399'999'999'999}}) {
    EXPECT_EQ(ParseDurationNs(DurationText(ns), "x"), ns) << DurationText(ns);
  }
}

TEST(Experiments, ThatAreShippedAreValid) {
  for (const char* name : {"connections", "smoke", "equal-load"}) {
    EXPECT_EQ(Shipped(name).name, name);
    EXPECT_GE(Shipped(name).architectures.size(), 3u);
  }
}

TEST(Experiments, ThatVaryTheWorkloadTakeSixMinutes) {
  for (const char* name : {"churn", "think", "blocking", "cpu", "payload", "overload"}) {
    const Experiment experiment = Shipped(name);
    ASSERT_TRUE(experiment.axis) << name;
    EXPECT_GE(experiment.architectures.size(), 3u) << name;
    EXPECT_GE(experiment.repetitions, 3) << name;
    EXPECT_LE(EstimatePlanSeconds(experiment, MakePlan(experiment)), 6 * 60) << name;
  }
}

TEST(Experiments, OfBeforeAKeyWasInventedAreWhatTheyWere) {
  auto experiment = Shipped("connections");
  experiment.profile = experiment.trace = std::nullopt;
  experiment.duet = std::nullopt;
  experiment.repetitions = 5;
  experiment.cost_readings = 0;
  experiment.load.busy_poll = false;
  EXPECT_EQ(ExperimentFingerprint(experiment), "c1e7998ae29f07c7");  // of the run of 2026-11-23
}
}  // namespace
}  // namespace crossover
