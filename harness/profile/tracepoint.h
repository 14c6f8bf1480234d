// Tracepoint: where a kernel tracepoint's fields lie in its records, from tracefs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace crossover {

class Tracepoint {
 public:
  // Reads events/`system`/`name`/format of tracefs. nullopt, with the reason in `why`.
  static std::optional<Tracepoint> Find(std::string_view system, std::string_view name,
                                        std::string& why);
  // The same from the text of a format file; nullopt if it isn't one.
  static std::optional<Tracepoint> Parse(std::string_view format);

  // Its number: attr.config to open it, and the common_type of its records.
  uint16_t id() const { return id_; }
  bool Has(std::string_view field) const { return fields_.contains(field); }
  // A number of 1, 2, 4 or 8 bytes in the raw record; 0 if the record is too short for it.
  int64_t Integer(std::span<const std::byte> raw, std::string_view field) const;

 private:
  struct Field {
    size_t offset = 0;
    size_t bytes = 0;
    bool is_signed = false;
  };
  std::span<const std::byte> BytesOf(std::span<const std::byte> raw, std::string_view field,
                                     const Field*& found) const;

  uint16_t id_ = 0;
  std::map<std::string, Field, std::less<>> fields_;
};

}  // namespace crossover
