// FrameClasses: which class of work a call chain belongs to. Every chain is in exactly one.
//
// The list of frames is data, frame_classes.json, with a version, and every report says which
// version it used. A chain is in the class of its innermost frame that the list names: time in the
// slab allocator under tcp_sendmsg is sending, a wake-up under tcp_sendmsg is the scheduler's. If
// any of its frames is of the kernel, only those count, and where none is listed the chain is
// `other_kernel`; a chain in user mode without a listed frame is `other`.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/profile/stacks.h"

namespace crossover {

struct FrameClass {
  std::string name;   // "scheduler_switch"
  std::string group;  // "scheduler": whose share is the sum of its classes
  std::string label;  // "switching", for charts and sentences
  // Counts for a chain's innermost frame only: the library that every thread begins in.
  bool innermost = false;
};

class FrameClasses {
 public:
  // Parses the text of a frame list. Throws UsageError, opening with `source`.
  FrameClasses(std::string_view text, std::string_view source);

  int version() const { return version_; }
  // In the order in which charts stack them; `other_kernel` and `other` are among them.
  const std::vector<FrameClass>& classes() const { return classes_; }
  // Index into classes().
  size_t ClassOf(const Stack& stack) const { return ClassBelow(stack, {}); }
  // The same as if the frames of the classes of `group` were not there: what a thread had called
  // that the scheduler then took off the CPU.
  size_t ClassBelow(const Stack& stack, std::string_view group) const;

 private:
  class Patterns {
   public:
    void Add(std::string_view pattern, size_t frame_class);
    const size_t* Find(std::string_view name) const;  // the class, or null

   private:
    std::map<std::string, size_t, std::less<>> exact_;
    std::map<std::string, size_t, std::less<>> prefixes_;  // the longest that fits counts
  };

  int version_ = 0;
  std::vector<FrameClass> classes_;
  Patterns kernel_;
  Patterns user_;
  size_t other_kernel_ = 0;
  size_t other_ = 0;
};

// The list that this program was built with.
const FrameClasses& BuiltInFrameClasses();

}  // namespace crossover
