#include "harness/profile/sliced_window.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossover {
namespace {

using testing::ElementsAre;

// Remembers how it was switched: '+' on, '-' off, 'c' that it had to collect.
class FakeInstrument : public Instrument {
 public:
  std::string Open(const InstrumentTarget& /*target*/) override { return {}; }
  void Enable() override { switches += '+'; }
  void Disable() override { switches += '-'; }
  void Collect() override {
    if (tells_collecting) switches += 'c';
  }
  Findings Finish(const std::vector<pid_t>& /*server*/,
                  const std::vector<InstrumentSlice>& /*slices*/) override {
    return {};
  }

  bool in_turns() const override { return turns; }

  std::string switches;
  bool turns = true;
  bool tells_collecting = false;
};

std::string OnOff(const std::vector<InstrumentSlice>& slices) {
  std::string text;
  for (const InstrumentSlice& slice : slices) text += slice.on ? '+' : '-';
  return text;
}

void Nothing() {}

constexpr int64_t kBegin = 1'000'000'000'000;

// Lets `slices` pass, each as long as they are meant to be and with 100 requests.
void PassSlices(SlicedWindow& window, int64_t slices) {
  window.Begin(kBegin);
  for (int64_t i = 1; i <= slices; ++i) window.EndSlice(kBegin + i * kSliceNs, 100, 0.25);
}

TEST(SlicedWindow, TakesTurnsThatADriftFallsOnAlike) {
  FakeInstrument instrument;
  double cpu_ns = 0;
  SlicedWindow window(
      instrument, 8 * kSliceNs, [&] { return cpu_ns += 1000; }, Nothing);
  PassSlices(window, 7);
  EXPECT_EQ(OnOff(window.slices()), "+--++--");
  EXPECT_EQ(instrument.switches, "+-+-");
  window.Close();
  EXPECT_EQ(instrument.switches, "+-+-");
  EXPECT_EQ(window.SlicesOn().size(), 3u);
  EXPECT_EQ(window.SlicesOn()[1].begin_ns, kBegin + 3 * kSliceNs);
}

TEST(SlicedWindow, IsOnInTheMiddleForWhatMustBeFollowed) {
  FakeInstrument instrument;
  instrument.turns = false;
  SlicedWindow window(
      instrument, 8 * kSliceNs, [] { return std::nullopt; }, Nothing);
  PassSlices(window, 7);
  EXPECT_EQ(OnOff(window.slices()), "--++++-");
  EXPECT_EQ(instrument.switches, "+-");
}

TEST(SlicedWindow, HasItCollectAfterEachSliceThatItWasOn) {
  FakeInstrument instrument;
  instrument.turns = false;
  instrument.tells_collecting = true;
  SlicedWindow window(
      instrument, 8 * kSliceNs, [] { return std::nullopt; }, Nothing);
  PassSlices(window, 7);
  EXPECT_EQ(instrument.switches, "+ccc-c");
}

TEST(SlicedWindow, HasTheCountersReadInOneOfTwoSlicesWithoutTheInstrument) {
  FakeInstrument instrument;
  size_t read = 0;
  SlicedWindow window(
      instrument, 10 * kSliceNs, [] { return 1.0; }, [&] { ++read; });
  PassSlices(window, 8);
  std::string with;
  for (const InstrumentSlice& slice : window.slices()) with += slice.counters ? 'c' : '-';
  EXPECT_EQ(with, "--c--c--");
  EXPECT_EQ(OnOff(window.slices()), "+--++--+");
  EXPECT_EQ(read, 2u);
}

TEST(SlicedWindow, LeavesTheCountersAloneWhereNothingTakesTurns) {
  FakeInstrument instrument;
  instrument.turns = false;
  size_t read = 0;
  SlicedWindow window(
      instrument, 8 * kSliceNs, [] { return 1.0; }, [&] { ++read; });
  PassSlices(window, 7);
  EXPECT_EQ(read, 0u);
}

TEST(SlicedWindow, KeepsItsLastSliceOff) {
  FakeInstrument instrument;
  SlicedWindow window(
      instrument, 4 * kSliceNs, [] { return 1.0; }, Nothing);
  PassSlices(window, 3);
  EXPECT_EQ(OnOff(window.slices()), "+--");
  EXPECT_EQ(instrument.switches, "+-");  // the fourth would have been on
  window.Close();
  EXPECT_EQ(instrument.switches, "+-");
}

TEST(SlicedWindow, SwitchesOffWhenItCloses) {
  FakeInstrument instrument;
  SlicedWindow window(
      instrument, 100 * kSliceNs, [] { return 1.0; }, Nothing);
  PassSlices(window, 4);
  EXPECT_EQ(instrument.switches, "+-+");
  window.Close();
  EXPECT_EQ(instrument.switches, "+-+-");
  EXPECT_EQ(window.slices().size(), 4u);
}

TEST(SlicedWindow, AccountsForEachSlice) {
  FakeInstrument instrument;
  double cpu_ns = 5000;
  SlicedWindow window(
      instrument, 100 * kSliceNs, [&] { return cpu_ns; }, Nothing);
  window.Begin(kBegin);
  cpu_ns = 6000;
  // Told of a little late: 500 requests in 0.25 s are 2,000 a second.
  window.EndSlice(kBegin + 300'000'000, 500, 0.25);
  cpu_ns = 6300;
  window.EndSlice(kBegin + 500'000'000, 0, 0);
  ASSERT_EQ(window.slices().size(), 2u);
  const InstrumentSlice& first = window.slices()[0];
  EXPECT_EQ(first.begin_ns, kBegin);
  EXPECT_EQ(first.end_ns, kBegin + 300'000'000);
  EXPECT_DOUBLE_EQ(first.cpu_ns, 1000);
  EXPECT_DOUBLE_EQ(first.requests, 600);
  const InstrumentSlice& second = window.slices()[1];
  EXPECT_EQ(second.begin_ns, first.end_ns);
  EXPECT_DOUBLE_EQ(second.cpu_ns, 300);
  EXPECT_DOUBLE_EQ(second.requests, 0);
}

TEST(SlicedWindow, IsOnAllTheTimeWithoutAClock) {
  FakeInstrument instrument;
  SlicedWindow window(
      instrument, 6 * kSliceNs, [] { return std::nullopt; }, Nothing);
  PassSlices(window, 5);
  window.Close();
  EXPECT_EQ(OnOff(window.slices()), "+++++");
  EXPECT_EQ(instrument.switches, "+-");
  for (const InstrumentSlice& slice : window.slices()) EXPECT_LT(slice.cpu_ns, 0);
}

TEST(SlicedWindow, SaysWhereTheClockFailed) {
  FakeInstrument instrument;
  std::vector<std::optional<double>> readings = {1.0, 3.0, std::nullopt, 8.0, 9.0};
  size_t next = 0;
  SlicedWindow window(
      instrument, 100 * kSliceNs, [&] { return readings.at(next++); }, Nothing);
  PassSlices(window, 4);
  std::vector<double> cpu_ns;
  for (const InstrumentSlice& slice : window.slices()) cpu_ns.push_back(slice.cpu_ns);
  EXPECT_THAT(cpu_ns, ElementsAre(2, -1, -1, 1));
  EXPECT_TRUE(ToJson(window.slices()[1])["cpu_ns"].is_null());
  EXPECT_EQ(ToJson(window.slices()[0]).dump(),
            R"({"counters":false,"cpu_ns":2.0,"on":true,"requests":100.0,"seconds":0.25})");
}

}  // namespace
}  // namespace crossover
