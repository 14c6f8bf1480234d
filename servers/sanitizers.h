// Which sanitizer this is compiled with: gcc and clang say it differently.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CROSSOVER_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define CROSSOVER_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define CROSSOVER_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define CROSSOVER_TSAN 1
#endif

#ifdef CROSSOVER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef CROSSOVER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#if defined(CROSSOVER_TSAN)
extern "C" void __tsan_acquire(void* address);  // NOLINT(bugprone-reserved-identifier)
extern "C" void __tsan_release(void* address);  // NOLINT(bugprone-reserved-identifier)
#endif

namespace crossover {

// What one thread did before the kernel was told (NoteRelease) happened before what another does
// that the kernel told (NoteAcquire): of epoll_ctl(MOD) and epoll_wait ThreadSanitizer doesn't
// know.
inline void NoteRelease([[maybe_unused]] void* address) {
#if defined(CROSSOVER_TSAN)
  __tsan_release(address);
#endif
}
inline void NoteAcquire([[maybe_unused]] void* address) {
#if defined(CROSSOVER_TSAN)
  __tsan_acquire(address);
#endif
}

}  // namespace crossover
