// Memory that processes forked from this one share with it: what one writes, all see.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "base/error.h"

namespace crossover {

// Zeroed memory of `bytes`, of which the system gives pages as they are touched. Throws
// std::system_error if there is no room for it. Given back with munmap().
inline void* MapShared(size_t bytes) {
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) ThrowErrno("mmap of " + std::to_string(bytes) + " bytes");
  return memory;
}

// A T in such memory. What it points to is each process's own, so T should consist of lock-free
// atomics. Destroyed where its last pointer in this process goes; a forked process must then have
// ended, or end by _exit().
template <typename T, typename... Arguments>
std::shared_ptr<T> MakeSharedWithForks(Arguments&&... arguments) {
  return std::shared_ptr<T>(new (MapShared(sizeof(T))) T(std::forward<Arguments>(arguments)...),
                            [](T* object) {
                              object->~T();
                              ::munmap(object, sizeof(T));
                            });
}

}  // namespace crossover
