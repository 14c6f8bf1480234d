#include "harness/profile/pprof.h"

#include <map>
#include <string_view>

namespace crossover {
namespace {

// Fields by their numbers in profile.proto.
enum ProfileField : uint32_t {
  kSampleType = 1,
  kSample = 2,
  kLocation = 4,
  kFunction = 5,
  kStringTable = 6,
  kPeriodType = 11,
  kPeriod = 12
};

// Writes protocol buffers: https://protobuf.dev/programming-guides/encoding/
class Message {
 public:
  const std::string& bytes() const { return bytes_; }

  void Number(uint32_t field, uint64_t value) {
    Varint(uint64_t{field} << 3);
    Varint(value);
  }
  void Bytes(uint32_t field, std::string_view bytes) {
    Varint(uint64_t{field} << 3 | 2);
    Varint(bytes.size());
    bytes_ += bytes;
  }
  void Add(uint32_t field, const Message& message) { Bytes(field, message.bytes_); }

 private:
  void Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

class Strings {
 public:
  explicit Strings(Message& profile) : profile_(profile) { Index(""); }

  uint64_t Index(const std::string& text) {
    const auto [place, is_new] = indexes_.emplace(text, indexes_.size());
    if (is_new) profile_.Bytes(kStringTable, text);
    return place->second;
  }

 private:
  Message& profile_;
  std::map<std::string, uint64_t> indexes_;
};

Message ValueType(Strings& strings, const char* type, const char* unit) {
  Message message;
  message.Number(1, strings.Index(type));
  message.Number(2, strings.Index(unit));
  return message;
}

// A function and the one location that stands for it, both under the number `id`.
void AddFunction(uint64_t id, const Frame& frame, Strings& strings, Message& profile) {
  const uint64_t name = strings.Index(frame.name + (frame.kernel ? "_[k]" : ""));
  Message function;
  function.Number(1, id);
  function.Number(2, name);
  function.Number(3, name);
  profile.Add(kFunction, function);
  Message line;
  line.Number(1, id);
  Message location;
  location.Number(1, id);
  location.Add(4, line);
  profile.Add(kLocation, location);
}

}  // namespace

std::string ToPprof(const Stacks& stacks, int64_t period_ns) {
  Message profile;
  Strings strings(profile);
  const Message cpu = ValueType(strings, "cpu", "nanoseconds");
  profile.Add(kSampleType, ValueType(strings, "samples", "count"));
  profile.Add(kSampleType, cpu);
  profile.Add(kPeriodType, cpu);
  profile.Number(kPeriod, static_cast<uint64_t>(period_ns));
  std::map<Frame, uint64_t> ids;
  for (const auto& [stack, count] : stacks) {
    Message sample;
    for (auto frame = stack.rbegin(); frame != stack.rend(); ++frame) {
      const auto [place, is_new] = ids.emplace(*frame, ids.size() + 1);
      if (is_new) AddFunction(place->second, *frame, strings, profile);
      sample.Number(1, place->second);
    }
    sample.Number(2, count);
    sample.Number(2, count * static_cast<uint64_t>(period_ns));
    profile.Add(kSample, sample);
  }
  return profile.bytes();
}

}  // namespace crossover
