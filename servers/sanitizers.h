// Which sanitizer this is compiled with: gcc and clang say it differently.
#pragma once

#include <cstddef>

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
extern "C" {
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
}
#endif

namespace crossover {

// The sanitizers' frames are several times as large: so much larger a stack must be.
#if defined(CROSSOVER_ASAN) || defined(CROSSOVER_TSAN)
inline constexpr size_t kStackFactor = 8;
#else
inline constexpr size_t kStackFactor = 1;
#endif

// A system call at whose return another thread may already have closed what it was given:
// ThreadSanitizer takes that for a use of the descriptor at the same time.
class AsIfAlreadyReturned {
 public:
#if defined(CROSSOVER_TSAN)
  AsIfAlreadyReturned() { AnnotateIgnoreReadsBegin(__FILE__, __LINE__); }
  ~AsIfAlreadyReturned() { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
#else
  AsIfAlreadyReturned() {}   // NOLINT(modernize-use-equals-default): a variable of it is used
  ~AsIfAlreadyReturned() {}  // NOLINT(modernize-use-equals-default)
#endif
  AsIfAlreadyReturned(const AsIfAlreadyReturned&) = delete;
  AsIfAlreadyReturned& operator=(const AsIfAlreadyReturned&) = delete;
};

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
