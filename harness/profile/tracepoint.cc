#include "harness/profile/tracepoint.h"

#include <sys/mount.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/fd.h"
#include "harness/probe.h"
#include "harness/profile/text_parts.h"

namespace crossover {
namespace {

constexpr std::string_view kTracefs[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};

// A tracefs of this process's own, which nobody else sees and which goes with it: where none is
// mounted, as on a machine without systemd. Empty, with the reason in `why`, if the kernel doesn't
// permit it.
std::string OwnTracefs(std::string& why) {
  static const std::pair<Fd, std::string> mounted = [] {
    const auto refused = [](const char* call) {
      return std::pair(Fd(), std::string(call) + ": " + std::strerror(errno));
    };
    const Fd settings(fsopen("tracefs", FSOPEN_CLOEXEC));
    if (!settings) return refused("fsopen of tracefs");
    if (fsconfig(settings.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
      return refused("fsconfig of tracefs");
    }
    Fd mount(fsmount(settings.get(), FSMOUNT_CLOEXEC, 0));
    return mount ? std::pair(std::move(mount), std::string()) : refused("fsmount of tracefs");
  }();
  why = mounted.second;
  return mounted.first ? "/proc/self/fd/" + std::to_string(mounted.first.get()) : "";
}

std::string FormatPath(std::string_view tracefs, const std::string& event) {
  return std::string(tracefs) + "/events/" + event + "/format";
}

// The number after `key` in "field:pid_t pid;\toffset:24;\tsize:4;\tsigned:1;".
std::optional<size_t> NumberOf(std::string_view line, std::string_view key) {
  const size_t at = line.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  size_t number = 0;
  const char* const digits = line.data() + at + key.size();
  const auto parsed = std::from_chars(digits, line.data() + line.size(), number);
  return parsed.ec == std::errc() ? std::optional(number) : std::nullopt;
}

// "prev_comm" of "field:char prev_comm[16];", "name" of "field:__data_loc char[] name;".
std::string_view NameOf(std::string_view line) {
  std::string_view declaration = line.substr(0, line.find(';'));
  if (declaration.ends_with(']')) declaration = declaration.substr(0, declaration.rfind('['));
  return declaration.substr(declaration.rfind(' ') + 1);
}

}  // namespace

std::optional<Tracepoint> Tracepoint::Find(std::string_view system, std::string_view name,
                                           std::string& why) {
  const std::string event = std::string(system) + "/" + std::string(name);
  std::optional<std::string> text;
  std::string refusal;  // of the first place, where it is on most systems
  for (const std::string_view root : kTracefs) {
    text = ReadSmallFile(FormatPath(root, event), why);
    if (text) break;
    if (refusal.empty()) refusal = why;
  }
  if (!text) {
    const std::string own = OwnTracefs(why);
    if (!own.empty()) text = ReadSmallFile(FormatPath(own, event), why);
  }
  if (!text) {
    why = refusal + "; " + why +
          "; tracepoints need root and tracefs: mount -t tracefs tracefs /sys/kernel/tracing";
    return std::nullopt;
  }
  auto found = Parse(*text);
  if (!found) why = "the format of the tracepoint " + event + " is not understood";
  return found;
}

std::optional<Tracepoint> Tracepoint::Parse(std::string_view format) {
  Tracepoint tracepoint;
  for (const std::string_view line : PartsOf(format, '\n')) {
    if (line.starts_with("ID: ")) {
      const auto id = NumberOf(line, "ID: ");
      if (!id || *id > UINT16_MAX) return std::nullopt;
      tracepoint.id_ = static_cast<uint16_t>(*id);
    }
    if (line.find("field:") == std::string_view::npos) continue;
    const auto offset = NumberOf(line, "offset:");
    const auto bytes = NumberOf(line, "size:");
    if (!offset || !bytes) return std::nullopt;
    tracepoint.fields_[std::string(NameOf(line))] = {
        .offset = *offset,
        .bytes = *bytes,
        .is_signed = NumberOf(line, "signed:").value_or(0) == 1};
  }
  if (tracepoint.id_ == 0 || tracepoint.fields_.empty()) return std::nullopt;
  return tracepoint;
}

std::span<const std::byte> Tracepoint::BytesOf(std::span<const std::byte> raw,
                                               std::string_view field, const Field*& found) const {
  const auto entry = fields_.find(field);
  CHECK(entry != fields_.end());
  found = &entry->second;
  if (raw.size() < found->offset + found->bytes) return {};
  return raw.subspan(found->offset, found->bytes);
}

int64_t Tracepoint::Integer(std::span<const std::byte> raw, std::string_view field) const {
  const Field* found = nullptr;
  const auto bytes = BytesOf(raw, field, found);
  uint64_t value = 0;
  if (bytes.empty() || bytes.size() > sizeof value) return 0;
  std::memcpy(&value, bytes.data(), bytes.size());  // little-endian, as perf's records here are
  const size_t unused_bits = (sizeof value - bytes.size()) * 8;
  if (!found->is_signed) return static_cast<int64_t>(value);
  return static_cast<int64_t>(value << unused_bits) >> unused_bits;
}

}  // namespace crossover
