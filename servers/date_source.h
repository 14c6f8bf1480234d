// DateSource: the value of the Date header, formatted once a second and shared by all threads, so
// that no architecture formats it more often than another.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <ctime>
#include <functional>
#include <string_view>

namespace crossover {

// "Sun, 06 Nov 1994 08:49:37 GMT": always 29 characters (RFC 9110, 5.6.7).
inline constexpr size_t kDateBytes = 29;

class DateSource {
 public:
  using Text = std::array<char, kDateBytes>;

  // `now` gives seconds since the epoch; the default reads CLOCK_REALTIME_COARSE.
  DateSource();
  explicit DateSource(std::function<time_t()> now);

  // The date now. Any thread; formats at most once a second, never blocks on another thread.
  Text Now() const;

 private:
  static constexpr size_t kWords = 4;

  void Publish(time_t second) const;

  std::function<time_t()> now_;  // empty: the coarse clock
  // A sequence lock: odd while a writer is at work.
  mutable std::atomic<uint32_t> sequence_{0};
  mutable std::atomic<time_t> second_{-1};
  mutable std::array<std::atomic<uint64_t>, kWords> words_{};
};

}  // namespace crossover
