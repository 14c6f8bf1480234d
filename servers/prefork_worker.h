// A worker of the prefork architecture: accepts, serves that connection until it closes, and
// accepts again.
#pragma once

#include <csignal>

#include "servers/listener.h"
#include "servers/prefork_board.h"

namespace crossover {

// Apache's defaults: workers without a connection that are kept ready, at least and at most.
inline constexpr int64_t kPreforkSpareMin = 5;
inline constexpr int64_t kPreforkSpareMax = 10;

// What the parent interrupts a blocked worker with; its handler does nothing.
inline constexpr int kPreforkSignal = SIGUSR1;

// The life of a process that was just forked by `parent`. What is thrown in it ends it, by SIGABRT.
[[noreturn]] void RunPreforkWorker(pid_t parent, Listener& listener, PreforkBoard& board,
                                   PreforkSlot& slot) noexcept;

}  // namespace crossover
