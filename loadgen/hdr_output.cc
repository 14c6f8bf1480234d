#include "loadgen/hdr_output.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "base/check.h"

namespace crossover {
namespace {

// As HdrHistogram's AbstractHistogram has them, for encoding V2 with words of variable length.
constexpr uint32_t kCookie = 0x1c84'9303 | 0x10;
constexpr uint32_t kCompressedCookie = 0x1c84'9304 | 0x10;
constexpr uint32_t kSignificantDigits = 3;
constexpr int kSubBucketBits = 11;  // 2,048 of them resolve three digits
constexpr int kTicksPerHalfDistance = 5;

template <typename Integer>
void AppendBigEndian(std::string& bytes, Integer value) {
  for (size_t shift = 8 * sizeof value; shift > 0; shift -= 8) {
    bytes += static_cast<char>(static_cast<uint64_t>(value) >> (shift - 8));
  }
}

// LEB128 of the zigzag code; the ninth byte, if there is one, holds 8 bits.
void AppendZigZag(std::string& bytes, int64_t value) {
  auto code = static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
  for (int i = 0; i < 8 && code >= 0x80; ++i) {
    bytes += static_cast<char>((code & 0x7f) | 0x80);
    code >>= 7;
  }
  bytes += static_cast<char>(code);
}

size_t HdrIndex(uint64_t value) {
  constexpr uint64_t kMask = (uint64_t{1} << kSubBucketBits) - 1;
  const int bucket = static_cast<int>(std::bit_width(value | kMask)) - kSubBucketBits;
  const uint64_t sub_bucket = value >> bucket;
  constexpr uint64_t kHalf = uint64_t{1} << (kSubBucketBits - 1);
  return static_cast<size_t>((static_cast<uint64_t>(bucket) + 1) * kHalf + sub_bucket - kHalf);
}

std::string Counts(const Histogram& histogram) {
  std::string bytes;
  size_t next = 0;
  histogram.ForEachBucket([&](uint64_t highest, uint64_t count) {
    const size_t index = HdrIndex(highest);
    if (index > next) AppendZigZag(bytes, -static_cast<int64_t>(index - next));  // so many zeros
    AppendZigZag(bytes, static_cast<int64_t>(count));
    next = index + 1;
  });
  return bytes;
}

std::string Deflated(const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::string out(size, '\0');
  CHECK(compress(reinterpret_cast<Bytef*>(out.data()), &size,
                 reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()) == Z_OK);
  out.resize(size);
  return out;
}

std::string Base64(const std::string& bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    const size_t length = std::min<size_t>(3, bytes.size() - i);
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < length ? static_cast<unsigned char>(bytes[i + j]) : 0);
    }
    for (size_t j = 0; j < 4; ++j) {
      text += j <= length ? kDigits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

[[gnu::format(printf, 2, 3)]] void Append(std::string& text, const char* format, ...) {
  char line[160];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  text += line;
}

struct Point {
  uint64_t highest;
  uint64_t count;       // in this bucket
  uint64_t cumulative;  // and all below
};

void AppendFooter(std::string& text, const Histogram& histogram, const std::vector<Point>& points) {
  double squares = 0;
  const double mean = histogram.mean_ns();
  for (const Point& point : points) {
    const double distance = static_cast<double>(point.highest) - mean;
    squares += distance * distance * static_cast<double>(point.count);
  }
  const auto count = static_cast<double>(std::max<uint64_t>(1, histogram.count()));
  Append(text, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", mean / 1e6,
         std::sqrt(squares / count) / 1e6);
  Append(text, "#[Max     = %12.3f, Total count    = %12llu]\n",
         static_cast<double>(histogram.max_ns()) / 1e6,
         static_cast<unsigned long long>(histogram.count()));
  Append(text, "#[Buckets = %12d, SubBuckets     = %12d]\n", 48 - kSubBucketBits,
         1 << kSubBucketBits);
}

}  // namespace

std::string HgrmText(const Histogram& histogram) {
  std::vector<Point> points;
  uint64_t cumulative = 0;
  histogram.ForEachBucket([&](uint64_t highest, uint64_t count) {
    cumulative += count;
    points.push_back({highest, count, cumulative});
  });
  std::string text = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n";
  const auto total = static_cast<double>(histogram.count());
  double quantile = 0;
  for (const Point& point : points) {
    const double reached = static_cast<double>(point.cumulative) / total;
    const double milliseconds =
        std::min(static_cast<double>(point.highest), static_cast<double>(histogram.max_ns())) / 1e6;
    const auto seen = static_cast<unsigned long long>(point.cumulative);
    while (quantile <= reached && point.cumulative < histogram.count()) {
      Append(text, "%12.3f %14.12f %10llu %14.2f\n", milliseconds, quantile, seen,
             1 / (1 - quantile));
      const double halvings = std::floor(std::log2(1 / (1 - quantile))) + 1;
      quantile += 1 / (kTicksPerHalfDistance * std::exp2(halvings));
    }
    if (point.cumulative == histogram.count()) {
      Append(text, "%12.3f %14.12f %10llu\n", milliseconds, 1.0, seen);
    }
  }
  AppendFooter(text, histogram, points);
  return text;
}

std::string HdrV2Base64(const Histogram& histogram) {
  const std::string counts = Counts(histogram);
  std::string plain;
  AppendBigEndian(plain, kCookie);
  AppendBigEndian(plain, static_cast<uint32_t>(counts.size()));
  AppendBigEndian(plain, uint32_t{0});  // normalizing index offset
  AppendBigEndian(plain, kSignificantDigits);
  AppendBigEndian(plain, uint64_t{1});  // lowest discernible value
  AppendBigEndian(plain, uint64_t{Histogram::kValueMaxNs});
  AppendBigEndian(plain, std::bit_cast<uint64_t>(1.0));  // unit of the values
  plain += counts;
  const std::string deflated = Deflated(plain);
  std::string bytes;
  AppendBigEndian(bytes, kCompressedCookie);
  AppendBigEndian(bytes, static_cast<uint32_t>(deflated.size()));
  return Base64(bytes + deflated);
}

}  // namespace crossover
