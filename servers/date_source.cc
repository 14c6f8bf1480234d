#include "servers/date_source.h"

#include <cstdio>
#include <cstring>

namespace crossover {
namespace {

// Not strftime: names of days and months must not follow the locale.
DateSource::Text Format(time_t second) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  tm utc{};
  gmtime_r(&second, &utc);
  char text[80];
  std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[utc.tm_wday],
                utc.tm_mday, kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                utc.tm_sec);
  DateSource::Text date;
  std::memcpy(date.data(), text, date.size());
  return date;
}

}  // namespace

DateSource::DateSource() = default;
DateSource::DateSource(std::function<time_t()> now) : now_(std::move(now)) {}

void DateSource::Publish(time_t second) const {
  uint32_t sequence = sequence_.load(std::memory_order_relaxed);
  if (sequence % 2 == 1 || !sequence_.compare_exchange_strong(sequence, sequence + 1)) return;
  const Text date = Format(second);
  std::array<uint64_t, kWords> words{};
  std::memcpy(words.data(), date.data(), date.size());
  for (size_t i = 0; i < kWords; ++i) words_[i].store(words[i], std::memory_order_release);
  second_.store(second, std::memory_order_release);
  sequence_.store(sequence + 2, std::memory_order_release);
}

DateSource::Text DateSource::Now() const {
  time_t second = 0;
  if (now_) {
    second = now_();
  } else {
    timespec now{};
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    second = now.tv_sec;
  }
  if (second_.load(std::memory_order_acquire) != second) Publish(second);
  const uint32_t before = sequence_.load(std::memory_order_acquire);
  std::array<uint64_t, kWords> words;
  for (size_t i = 0; i < kWords; ++i) words[i] = words_[i].load(std::memory_order_acquire);
  const bool whole = before % 2 == 0 && second_.load(std::memory_order_acquire) == second &&
                     sequence_.load(std::memory_order_acquire) == before;
  if (!whole) return Format(second);  // another thread is at it: rather format than wait
  Text date;
  std::memcpy(date.data(), words.data(), date.size());
  return date;
}

}  // namespace crossover
