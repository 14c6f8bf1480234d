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
