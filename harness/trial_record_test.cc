#include "harness/trial_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "harness/sample_trial.h"

namespace crossover {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// The text of a trials.jsonl.
std::string TextOf(const TrialLog& log) {
  std::string text = ToJson(log.run).dump() + "\n";
  for (const TrialRecord& trial : log.trials) text += ToJson(trial).dump() + "\n";
  return text;
}

std::string LogMessage(const std::string& text) {
  try {
    ParseTrialLog(text, "t.jsonl");
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
    return error.what();
  }
  return "accepted";
}

// The message after `change` was made to the first trial.
template <typename Change>
std::string MessageAfter(const Change& change) {
  TrialLog log = CleanLog(1);
  json first = ToJson(log.trials[0]);
  change(first);
  return LogMessage(ToJson(log.run).dump() + "\n" + first.dump() + "\n");
}

TEST(TrialLog, SurvivesTheFile) {
  TrialLog log = CleanLog(2);
  TrialRecord& failed = log.trials[3];
  failed.verdict.reasons = {{.code = "failed", .detail = "the server died"}};
  failed.metrics.clear();
  FillMissingMetrics(failed.metrics, "the server died");
  failed.load = nullptr;
  failed.server_final = nullptr;
  failed.canary.reset();
  const std::string text = TextOf(log);
  const TrialLog again = ParseTrialLog(text, "t.jsonl");
  EXPECT_EQ(TextOf(again), text);
  EXPECT_EQ(again.run.experiment, log.run.experiment);
  ASSERT_EQ(again.trials.size(), 8u);
  EXPECT_EQ(again.trials[3].verdict, failed.verdict);
  EXPECT_EQ(again.trials[3].metrics, failed.metrics);
  EXPECT_EQ(again.trials[3].canary, std::nullopt);
  EXPECT_EQ(again.trials[2].canary, log.trials[2].canary);
  EXPECT_FALSE(again.last_line_cut);
  EXPECT_EQ(again.complete_bytes, text.size());
}

// A run with a profile and a trace of its first cell after its other trials.
TrialLog WithInstruments() {
  TrialLog log = CleanLog(1);
  log.run.experiment.profile.emplace();
  log.run.experiment.trace.emplace();
  for (const Pass pass : {Pass::kProfile, Pass::kTrace}) {
    TrialRecord trial = log.trials[0];
    trial.index = log.trials.size();
    trial.pass = pass;
    if (pass == Pass::kProfile) trial.findings = {{"samples", 7}, {"file", "a.folded"}};
    log.trials.push_back(trial);
  }
  return log;
}

TEST(TrialLog, KeepsThePassAndWhatItFound) {
  const TrialLog log = WithInstruments();
  const std::string text = TextOf(log);
  const TrialLog again = ParseTrialLog(text, "t.jsonl");
  EXPECT_EQ(TextOf(again), text);
  ASSERT_EQ(again.trials.size(), 6u);
  EXPECT_EQ(again.trials[0].pass, Pass::kThroughput);
  EXPECT_EQ(again.trials[4].pass, Pass::kProfile);
  EXPECT_EQ(again.trials[4].findings, log.trials[4].findings);
  EXPECT_EQ(again.trials[5].pass, Pass::kTrace);
  EXPECT_TRUE(again.trials[5].findings.is_null());
  // Of what there was before there were passes, nothing changed.
  EXPECT_FALSE(ToJson(log.trials[0]).contains("pass"));
  EXPECT_FALSE(ToJson(log.trials[0]).contains("findings"));
}

TEST(TrialLog, RefusesPassesThatDoNotBelong) {
  EXPECT_THAT(MessageAfter([](json& t) {
                t["pass"] = "profile";
                t["findings"] = nullptr;
              }),
              StartsWith("t.jsonl:2: this trial does not belong to the experiment"));
  EXPECT_THAT(MessageAfter([](json& t) { t["pass"] = "profil"; }),
              HasSubstr("pass: unknown value \"profil\"; did you mean 'profile'?"));
  EXPECT_THAT(MessageAfter([](json& t) { t["pass"] = "trace"; }),
              HasSubstr("the key 'findings' is missing"));
  EXPECT_THAT(MessageAfter([](json& t) {
                t["pass"] = "trace";
                t["findings"] = 5;
              }),
              HasSubstr("findings: must be an object {...} or null"));
  TrialLog log = WithInstruments();
  log.trials[5].pass = Pass::kProfile;  // the same cell and repetition
  EXPECT_THAT(LogMessage(TextOf(log)), StartsWith("t.jsonl:7: this trial appears twice"));
}

TEST(TrialLog, DropsALastLineThatWasCutAtAnyByte) {
  const TrialLog log = CleanLog(1);
  const std::string text = TextOf(log);
  const size_t last_start = text.rfind('\n', text.size() - 2) + 1;
  for (size_t size = last_start + 1; size < text.size(); size += 97) {
    const TrialLog cut = ParseTrialLog(text.substr(0, size), "t.jsonl");
    EXPECT_TRUE(cut.last_line_cut);
    EXPECT_EQ(cut.trials.size(), log.trials.size() - 1);
    EXPECT_EQ(cut.complete_bytes, last_start);
  }
  const TrialLog without_newline = ParseTrialLog(text.substr(0, text.size() - 1), "t.jsonl");
  EXPECT_EQ(without_newline.trials.size(), log.trials.size() - 1);
}

TEST(TrialLog, RefusesABadLineThatIsNotTheLast) {
  const std::string text = TextOf(CleanLog(1));
  const size_t second = text.find('\n') + 1;
  EXPECT_THAT(LogMessage(text.substr(0, second) + "{\"type\":\n" + text.substr(second)),
              StartsWith("t.jsonl:2: line 1, column 9: not valid JSON"));
  EXPECT_THAT(LogMessage(text.substr(0, second) + "\n" + text.substr(second)),
              StartsWith("t.jsonl:2: "));
  EXPECT_THAT(LogMessage(text + "garbage\n"), StartsWith("t.jsonl:6: "));
}

TEST(TrialLog, RefusesAFileWithoutARun) {
  for (const char* text : {"", "{\"type\":\"run\""}) {
    EXPECT_EQ(LogMessage(text), "t.jsonl: holds no whole line; there is nothing to report");
  }
  const std::string text = TextOf(CleanLog(1));
  EXPECT_THAT(LogMessage(text.substr(text.find('\n') + 1)),
              StartsWith("t.jsonl:1: is not a line of type \"run\""));
  EXPECT_THAT(LogMessage("[]\n"), StartsWith("t.jsonl:1: must be an object"));
}

TEST(TrialLog, RefusesAnExperimentThatWasEdited) {
  json run = ToJson(CleanLog(1).run);
  run["experiment"]["seed"] = 5;
  EXPECT_THAT(LogMessage(run.dump() + "\n"), HasSubstr("does not belong to the experiment"));
  run["experiment"]["sed"] = 5;
  EXPECT_THAT(LogMessage(run.dump() + "\n"), HasSubstr("did you mean 'seed'?"));
  run = ToJson(CleanLog(1).run);
  run["schema_version"] = 2;
  EXPECT_EQ(LogMessage(run.dump() + "\n"),
            "t.jsonl:1: schema_version: this program reads version 1 only");
}

TEST(TrialLog, RefusesTrialsThatDoNotBelong) {
  const char* const kForeign = "t.jsonl:2: this trial does not belong to the experiment";
  EXPECT_EQ(MessageAfter([](json&) {}), "accepted");
  EXPECT_THAT(MessageAfter([](json& t) { t["architecture"] = "other"; }), StartsWith(kForeign));
  EXPECT_THAT(MessageAfter([](json& t) { t["connections"] = 101; }), StartsWith(kForeign));
  EXPECT_THAT(MessageAfter([](json& t) { t["workload"] = "other"; }), StartsWith(kForeign));
  EXPECT_THAT(MessageAfter([](json& t) { t["repetition"] = 1; }), StartsWith(kForeign));
}

TEST(TrialLog, RefusesATrialTwice) {
  TrialLog log = CleanLog(1);
  log.trials.push_back(log.trials[1]);
  log.trials.back().index = 99;  // the same cell and repetition
  EXPECT_THAT(LogMessage(TextOf(log)), StartsWith("t.jsonl:6: this trial appears twice"));
  log = CleanLog(1);
  log.trials[3].index = 0;  // the same place in the plan
  EXPECT_THAT(LogMessage(TextOf(log)), StartsWith("t.jsonl:5: this trial appears twice"));
}

TEST(TrialLog, RefusesTrialsThatContradictThemselves) {
  EXPECT_THAT(MessageAfter([](json& t) { t["verdict"]["valid"] = false; }),
              HasSubstr("verdict: valid and reasons contradict"));
  EXPECT_THAT(
      MessageAfter([](json& t) {
        t["verdict"] = {{"valid", false}, {"reasons", {{{"code", "noisey"}, {"detail", "x"}}}}};
      }),
      HasSubstr("verdict.reasons[0].code: unknown value \"noisey\"; did you mean 'noisy'"));
  EXPECT_THAT(MessageAfter([](json& t) { t["load"] = 5; }),
              HasSubstr("load: must be an object {...} or null"));
  EXPECT_THAT(MessageAfter([](json& t) { t.erase("canary"); }),
              HasSubstr("the key 'canary' is missing"));
  EXPECT_THAT(MessageAfter([](json& t) { t["metrics"]["speed"] = 1; }),
              StartsWith("t.jsonl:2: unknown metric 'speed'"));
}

TEST(TrialLog, RefusesAFileThatIsNotThere) {
  EXPECT_THROW(ReadTrialLog("/nonexistent/trials.jsonl"), UsageError);
  EXPECT_THROW(ReadTrialLog("/"), UsageError);
}

}  // namespace
}  // namespace crossover
