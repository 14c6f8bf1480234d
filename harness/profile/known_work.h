// Work of a known amount, for tests of what is to measure it.
#pragma once

#include <linux/futex.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/clock.h"

namespace crossover {

inline std::vector<int> AllowedCpus() {
  cpu_set_t set;
  CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

// The calling thread runs there and nowhere else from now on.
inline void PinThisThread(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  CHECK(sched_setaffinity(0, sizeof set, &set) == 0);
}

// In a thread of its own on `cpu`, so that the caller's affinity stays as it is.
template <typename Work>
void RunOn(int cpu, const Work& work) {
  std::thread([&] {
    PinThisThread(cpu);
    work();
  }).join();
}

// Takes so much CPU time in user mode, and a little more; returns how much. By its name it is of
// the class "handler".
[[gnu::noinline]] inline int64_t HandlerThatSpins(int64_t cpu_ns) {
  const int64_t begin_ns = ThreadCpuNs();
  int64_t taken_ns = 0;
  while (taken_ns < cpu_ns) {
    // The clock is a system call, and so must be rare.
    const volatile bool goes_on = true;  // for the compiler it may end at any time
    for (int i = 0; goes_on && i < 1'000'000; ++i) {
    }
    taken_ns = ThreadCpuNs() - begin_ns;
  }
  return taken_ns;
}

[[gnu::noinline]] inline void CallGetppidOnce() { syscall(SYS_getppid); }

// Makes so many system calls that do nothing. It is in their call chains, whereas
// CallGetppidOnce() is not: libc's syscall() has no frame of its own, and so hides its caller's.
[[gnu::noinline]] inline void CallGetppid(int64_t calls) {
  for (int64_t i = 0; i < calls; ++i) CallGetppidOnce();
}

// How often the calling thread has left a CPU, by the kernel's own account.
inline int64_t SwitchesOfThisThread() {
  rusage usage{};
  CHECK(getrusage(RUSAGE_THREAD, &usage) == 0);
  return usage.ru_nvcsw + usage.ru_nivcsw;
}

// Two threads on one CPU that hand a turn to and fro `rounds` times: each hand-over is a switch.
// `play(me, rounds)` is what thread 0 and thread 1 do. Returns the switches that the kernel counted
// for both.
template <typename Play>
int64_t PingPong(int cpu, int64_t rounds, const Play& play) {
  std::atomic<int64_t> switches{0};
  const auto player = [&](uint32_t me) {
    PinThisThread(cpu);
    const int64_t before = SwitchesOfThisThread();
    play(me, rounds);
    switches += SwitchesOfThisThread() - before;
  };
  std::thread other(player, 1U);
  std::thread one(player, 0U);
  one.join();
  other.join();
  return switches;
}

// By a futex.
inline int64_t FutexPingPong(int cpu, int64_t rounds) {
  std::atomic<uint32_t> turn{0};
  const auto futex = [&](int operation, uint32_t value) {
    syscall(SYS_futex, &turn, operation | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr, 0);
  };
  return PingPong(cpu, rounds, [&](uint32_t me, int64_t left) {
    for (; left > 0; --left) {
      while (turn != me) futex(FUTEX_WAIT, 1 - me);
      turn = 1 - me;
      futex(FUTEX_WAKE, 1);
    }
  });
}

// By a pipe for each direction: two system calls a round and thread, read and write.
inline int64_t PipePingPong(int cpu, int64_t rounds) {
  int pipes[2][2];
  CHECK(pipe(pipes[0]) == 0 && pipe(pipes[1]) == 0);
  const int64_t switches = PingPong(cpu, rounds, [&](uint32_t me, int64_t left) {
    char byte = 'x';
    for (; left > 0; --left) {
      if (me == 0) CHECK(write(pipes[0][1], &byte, 1) == 1);
      CHECK(read(pipes[1 - me][0], &byte, 1) == 1);
      if (me == 1) CHECK(write(pipes[1][1], &byte, 1) == 1);
    }
  });
  for (const auto& ends : pipes) {
    close(ends[0]);
    close(ends[1]);
  }
  return switches;
}

}  // namespace crossover
