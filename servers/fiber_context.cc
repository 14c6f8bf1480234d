#include "servers/fiber_context.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <boost/context/detail/fcontext.hpp>

#include "base/check.h"
#include "base/limits.h"

namespace crossover {
namespace {

constexpr int kMadvGuardInstall = 102;  // MADV_GUARD_INSTALL, which Debian 12's headers lack

size_t PageBytes() {
  static const auto bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

}  // namespace

std::optional<FiberStack> FiberStack::Map(size_t bytes) {
  const size_t page = PageBytes();
  const size_t wanted = std::max(bytes, limits::kStackBytesMin) * kStackFactor;
  const size_t mapped_bytes = (wanted + page - 1) / page * page + page;
  void* const mapping = mmap(nullptr, mapped_bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (mapping == MAP_FAILED) return {};
  FiberStack stack(static_cast<char*>(mapping), mapped_bytes);
  // Neighbouring stacks could share a huge page, of which each touches a few KiB. Kernels that were
  // built without huge pages refuse, and need not be told.
  static_cast<void>(madvise(mapping, mapped_bytes, MADV_NOHUGEPAGE));
  if (madvise(mapping, page, kMadvGuardInstall) != 0 && mprotect(mapping, page, PROT_NONE) != 0) {
    return {};
  }
  return stack;
}

FiberStack::~FiberStack() {
  if (mapping_ == nullptr) return;
#ifdef CROSSOVER_ASAN
  __asan_unpoison_memory_region(bottom(), size());
#endif
  munmap(mapping_, mapped_bytes_);
}

char* FiberStack::bottom() const { return mapping_ + PageBytes(); }

struct FiberContext::Entry {
  // What runs first on a stack. Doesn't return: there is nowhere to.
  static void Run(boost::context::detail::transfer_t from) noexcept {
    auto* const self = static_cast<FiberContext*>(from.data);
    self->resumer_ = from.fctx;
#ifdef CROSSOVER_ASAN
    __sanitizer_finish_switch_fiber(nullptr, &self->resumer_bottom_, &self->resumer_size_);
#endif
    self->body_();
    self->body_ = nullptr;
    self->ended_ = true;
    self->Suspend();
    CHECK(false);
  }
};

void FiberContext::Start(std::function<void()> body) {
  CHECK(ended_);
  body_ = std::move(body);
  ended_ = false;
  suspended_ = boost::context::detail::make_fcontext(stack_.top(), stack_.size(), &Entry::Run);
#ifdef CROSSOVER_TSAN
  tsan_self_ = __tsan_create_fiber(0);
#endif
}

bool FiberContext::Resume() {
#ifdef CROSSOVER_ASAN
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(&fake_stack, stack_.bottom(), stack_.size());
#endif
#ifdef CROSSOVER_TSAN
  tsan_resumer_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(tsan_self_, 0);
#endif
  suspended_ = boost::context::detail::jump_fcontext(suspended_, this).fctx;
#ifdef CROSSOVER_ASAN
  __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#endif
#ifdef CROSSOVER_TSAN
  if (ended_) __tsan_destroy_fiber(tsan_self_);
#endif
  return !ended_;
}

__attribute__((noinline)) void FiberContext::Suspend() {
#ifdef CROSSOVER_ASAN
  __sanitizer_start_switch_fiber(ended_ ? nullptr : &fake_stack_, resumer_bottom_, resumer_size_);
#endif
#ifdef CROSSOVER_TSAN
  __tsan_switch_to_fiber(tsan_resumer_, 0);
#endif
  resumer_ = boost::context::detail::jump_fcontext(resumer_, nullptr).fctx;
#ifdef CROSSOVER_ASAN
  __sanitizer_finish_switch_fiber(fake_stack_, &resumer_bottom_, &resumer_size_);
#endif
}

}  // namespace crossover
