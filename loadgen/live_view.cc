#include "loadgen/live_view.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/duration.h"
#include "loadgen/text_format.h"

namespace crossover {
namespace {

constexpr size_t kTitleWidth = 13;  // as of the text report
// Intervals last a little more or less than they should.
constexpr double kRecentSeconds = 0.95;
// A shorter interval, at the end of a phase, tells no rate.
constexpr double kWholeAtLeast = 0.5;
// Of a terminal that doesn't tell its size.
constexpr size_t kColumnsUnknown = 80;
constexpr size_t kRowsUnknown = 24;

std::atomic<bool> continued = false;  // after Ctrl-Z; told to any thread
static_assert(std::atomic<bool>::is_always_lock_free);

bool StartsCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

std::string Cut(std::string line, size_t width) {
  size_t characters = 0;
  for (size_t at = 0; at < line.size(); ++at) {
    if (StartsCharacter(line[at]) && characters++ == width) {
      line.resize(at);
      break;
    }
  }
  return line;
}

std::string Titled(std::string title, const std::string& text) {
  title.resize(kTitleWidth, ' ');
  return title + text;
}

std::string Padded(std::string text, size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

std::string SecondsText(double seconds) {
  if (seconds >= 60) return FormatDurationNs(std::llround(seconds * 1e9));
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", seconds);
  return text;
}

const char* PhaseTitle(LoadInterval::Phase phase) {
  switch (phase) {
    case LoadInterval::Phase::kConnect:
      return "connecting";
    case LoadInterval::Phase::kWarmUp:
      return "warm-up";
    case LoadInterval::Phase::kWindow:
      return "window";
    case LoadInterval::Phase::kDrain:
      return "drain";
  }
  return "";
}

std::string PhaseLine(const LiveState& state) {
  std::string text;
  if (state.phase == LoadInterval::Phase::kWindow && state.requests_wanted) {
    text = CountText(state.ledger.requests.verified_in_window) + " of " +
           CountText(*state.requests_wanted) + " requests";
  } else if (state.left_ns) {
    text = SecondsText(static_cast<double>(*state.left_ns) / 1e9) +
           (state.phase == LoadInterval::Phase::kDrain ? " left at most" : " left");
  }
  return Titled(PhaseTitle(state.phase), text);
}

std::string ThroughputLine(const LiveState& state, size_t width) {
  const double rps = state.recent_seconds > 0
                         ? static_cast<double>(state.recent_verified) / state.recent_seconds
                         : 0;
  // What grows to the right of it must not move.
  const std::string text =
      Titled("throughput",
             Padded(CountText(static_cast<uint64_t>(std::llround(rps))) + " requests/s", 24));
  std::string bars;
  const size_t room = width > text.size() ? width - text.size() : 0;
  const size_t shown = std::min(room, state.rates_rps.size());
  const auto first = state.rates_rps.end() - static_cast<std::ptrdiff_t>(shown);
  const double highest = shown > 0 ? *std::max_element(first, state.rates_rps.end()) : 0;
  for (auto rate = first; rate != state.rates_rps.end(); ++rate) {
    static constexpr const char* kBars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    // The lowest is for nothing at all, and for nothing else.
    const double height = *rate > 0 ? std::ceil(*rate / highest * 7) : 0;
    bars += kBars[static_cast<size_t>(std::clamp(height, 0.0, 7.0))];
  }
  return text + bars;
}

std::string LatencyLine(const LiveState& state) {
  const Histogram& latency = state.recent_latency;
  std::string text = "-";
  if (latency.count() > 0) {
    text = "p50 " + Padded(TimeText(latency.QuantileNs(0.5)), 10) + " p99 " +
           Padded(TimeText(latency.QuantileNs(0.99)), 10) + " max " +
           Padded(TimeText(latency.max_ns()), 10) + " (last " + SecondsText(state.recent_seconds) +
           ")";
  }
  return Titled("latency", text);
}

std::string ErrorsLine(const LiveState& state) {
  std::string text = CountText(state.ledger.errors());
  const std::string requests = CausesText(state.ledger.requests);
  const std::string connections = CausesText(state.ledger.connections);
  if (!requests.empty()) text += "; requests: " + requests;
  const std::string reconnections = CausesText(state.ledger.reconnections);
  if (!connections.empty()) text += "; connections: " + connections;
  if (!reconnections.empty()) text += "; reconnections: " + reconnections;
  return Titled("errors", text);
}

}  // namespace

std::vector<std::string> LiveLines(const LiveState& state, size_t width) {
  const ConnectionLedger& connections = state.ledger.connections;
  std::vector<std::string> lines = {PhaseLine(state)};
  if (state.phase != LoadInterval::Phase::kConnect) {
    lines.push_back(ThroughputLine(state, width));
    lines.push_back(LatencyLine(state));
  }
  lines.push_back(Titled("connections", CountText(connections.established) + " of " +
                                            CountText(connections.asked) + " established, " +
                                            CountText(state.in_flight) + " requests in flight"));
  lines.push_back(ErrorsLine(state));
  for (std::string& line : lines) line = Cut(std::move(line), width);
  return lines;
}

LiveHistory::LiveHistory(const LoadOptions& options) : options_(options) {
  state_.requests_wanted = options.requests;
}

void LiveHistory::SetLeft(int64_t now_ns) {
  state_.left_ns.reset();
  if (phase_end_ns_ != kUnknown) state_.left_ns = std::max<int64_t>(phase_end_ns_ - now_ns, 0);
}

void LiveHistory::Add(const LoadEvent& event) {
  switch (event.kind) {
    case LoadEvent::Kind::kConnected:
    case LoadEvent::Kind::kSliceSettled:
    case LoadEvent::Kind::kSliceOver:
    case LoadEvent::Kind::kSliceDrained:
      return;
    case LoadEvent::Kind::kWarming:
      state_.phase = LoadInterval::Phase::kWarmUp;
      phase_end_ns_ = event.time_ns + options_.warmup_ns;
      break;
    case LoadEvent::Kind::kMeasuring:
      state_.phase = LoadInterval::Phase::kWindow;
      phase_end_ns_ = options_.requests ? kUnknown : event.time_ns + options_.duration_ns;
      break;
    case LoadEvent::Kind::kMeasured:
      state_.phase = LoadInterval::Phase::kDrain;
      phase_end_ns_ = event.time_ns + options_.drain_timeout_ns;
      break;
  }
  SetLeft(event.time_ns);
}

void LiveHistory::Add(const LoadInterval& interval) {
  SetLeft(interval.time_ns);
  state_.ledger = interval.ledger;
  state_.in_flight = interval.in_flight;
  if (interval.phase == LoadInterval::Phase::kConnect) return;

  if (interval.seconds * 1e9 >= kWholeAtLeast * static_cast<double>(options_.interval_ns)) {
    state_.rates_rps.push_back(interval.throughput_rps());
    if (state_.rates_rps.size() > LiveState::kRatesMax) state_.rates_rps.pop_front();
  }
  recent_.push_back({interval.seconds, interval.verified, interval.latency});
  state_.recent_seconds += interval.seconds;
  while (state_.recent_seconds - recent_.front().seconds >= kRecentSeconds) {
    state_.recent_seconds -= recent_.front().seconds;
    recent_.pop_front();
  }
  state_.recent_seconds = 0;
  state_.recent_verified = 0;
  state_.recent_latency.Clear();
  for (const Recent& each : recent_) {
    state_.recent_seconds += each.seconds;
    state_.recent_verified += each.verified;
    state_.recent_latency.Merge(each.latency);
  }
}

LiveView::LiveView(int fd, const LoadOptions& options) : fd_(fd), history_(options) {
  std::signal(SIGCONT, [](int) { continued = true; });
}

LiveView::~LiveView() {
  Erase();
  std::signal(SIGCONT, SIG_DFL);
}

void LiveView::Show(const LoadEvent& event) {
  history_.Add(event);
  Draw();
}

void LiveView::Show(const LoadInterval& interval) {
  history_.Add(interval);
  Draw();
}

void LiveView::Draw() {
  const pid_t foreground = tcgetpgrp(fd_);
  const bool background = foreground > 0 && foreground != getpgrp();
  // What others have written meanwhile is not ours to go back over.
  if (continued.exchange(false) || background) lines_drawn_ = 0;
  if (background) return;
  pollfd polled{fd_, POLLOUT, 0};
  if (poll(&polled, 1, 0) != 1 || (polled.revents & POLLOUT) == 0) return;
  winsize size{};
  const bool known = ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0;
  const size_t columns = known ? size.ws_col : kColumnsUnknown;
  const size_t rows = known ? size.ws_row : kRowsUnknown;
  // A character in the last column wraps on some terminals. And what has scrolled away at the top
  // can't be erased: the cursor has a row of its own below the picture.
  std::vector<std::string> lines = LiveLines(history_.state(), columns - 1);
  lines.resize(std::min(lines.size(), rows - 1));
  std::string text = "\r";
  if (lines_drawn_ > 0) text += "\033[" + std::to_string(lines_drawn_) + "A";
  for (const std::string& line : lines) text += line + "\033[K\n";
  text += "\033[J";
  Write(text);
  lines_drawn_ = lines.size();
}

void LiveView::Erase() {
  if (continued.exchange(false)) lines_drawn_ = 0;
  if (lines_drawn_ == 0) return;
  Write("\r\033[" + std::to_string(lines_drawn_) + "A\033[J");
  lines_drawn_ = 0;
}

// A terminal that is gone is no reason to end the run.
void LiveView::Write(const std::string& text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t n = write(fd_, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    rest.remove_prefix(static_cast<size_t>(n));
  }
}

bool CanShowLive(int fd) {
  const char* const terminal = std::getenv("TERM");
  return isatty(fd) == 1 && terminal != nullptr && *terminal != '\0' &&
         std::string_view(terminal) != "dumb";
}

}  // namespace crossover
