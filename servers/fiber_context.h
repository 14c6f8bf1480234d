// FiberStack: memory for the stack of a fibre. FiberContext: a function that runs on a stack of its
// own and can be suspended in the middle, and resumed by any thread: the switch beneath fibres.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <utility>

#include "servers/sanitizers.h"

namespace crossover {

// Move-only. Addresses are reserved; memory is taken page by page as it is touched, and no huge
// pages. Below the stack lies a page that no access survives: an overflow ends the process.
class FiberStack {
 public:
  // `bytes` is rounded up to whole pages and to limits::kStackBytesMin, and under a sanitizer,
  // whose frames are larger, multiplied. Nothing if the kernel has none to give: no address space,
  // or no mapping. Since Linux 6.13 a guard page is a mark in the page table and neighbouring
  // stacks are one mapping; before that each stack takes two of vm.max_map_count (65,530 by
  // default), so that some 32,000 stacks are to be had.
  static std::optional<FiberStack> Map(size_t bytes);
  ~FiberStack();
  FiberStack(FiberStack&& other) noexcept
      : mapping_(std::exchange(other.mapping_, nullptr)), mapped_bytes_(other.mapped_bytes_) {}
  FiberStack& operator=(FiberStack&&) = delete;

  char* bottom() const;  // the lowest usable address
  char* top() const { return mapping_ + mapped_bytes_; }
  size_t size() const { return static_cast<size_t>(top() - bottom()); }

 private:
  FiberStack(char* mapping, size_t mapped_bytes) : mapping_(mapping), mapped_bytes_(mapped_bytes) {}

  char* mapping_;  // the guard page, then the stack
  size_t mapped_bytes_;
};

// One thread at a time has it; not always the same one. So nothing that belongs to a thread may be
// kept by the body across Suspend(): no lock, no errno, no pointer to a thread_local, and no
// exception may be in flight. (Compilers hold the address of a thread_local to be constant within a
// function: Suspend() isn't inlined, and whoever calls it touches none.) An exception that leaves
// the body ends the process.
//
// The switch is Boost.Context's fcontext, the layer below boost::context::fiber: some 20
// instructions that keep the registers that a call keeps, no system call, no signal mask. It is in
// namespace detail, and the build asks for exactly the version that it was written for. The class
// above it would unwind a suspended stack by an exception, unseen by the sanitizers.
class FiberContext {
 public:
  explicit FiberContext(FiberStack stack) : stack_(std::move(stack)) {}
  FiberContext(const FiberContext&) = delete;
  FiberContext& operator=(const FiberContext&) = delete;

  // The next Resume() begins `body`. Not while another one is under way.
  void Start(std::function<void()> body);
  // Runs the body until it suspends itself: true; or ends: false. Not from the body.
  bool Resume();
  // From the body: returns when it is resumed.
  void Suspend();

 private:
  struct Entry;

  FiberStack stack_;
  std::function<void()> body_;
  void* suspended_ = nullptr;  // the body's registers, on its stack, while it doesn't run
  void* resumer_ = nullptr;    // its resumer's, while it runs
  bool ended_ = true;
#ifdef CROSSOVER_ASAN
  void* fake_stack_ = nullptr;
  const void* resumer_bottom_ = nullptr;
  size_t resumer_size_ = 0;
#endif
#ifdef CROSSOVER_TSAN
  void* tsan_self_ = nullptr;
  void* tsan_resumer_ = nullptr;
#endif
};

}  // namespace crossover
