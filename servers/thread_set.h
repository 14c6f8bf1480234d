// ThreadSet: threads that come and go, each with a stack of its own choosing, all joined at the
// end.
#pragma once

#include <pthread.h>

#include <cstddef>
#include <functional>
#include <list>
#include <mutex>
#include <vector>

namespace crossover {

// Start() and Join() from one thread.
class ThreadSet {
 public:
  // `stack_bytes` is rounded up to whole pages and to what the system needs at least.
  explicit ThreadSet(size_t stack_bytes);
  ~ThreadSet();
  ThreadSet(const ThreadSet&) = delete;
  ThreadSet& operator=(const ThreadSet&) = delete;

  // Starts a thread that runs `body`. False if the system has no thread to give (pid_max, memory,
  // limits); `body` is then not run. Joins those that have ended meanwhile.
  bool Start(std::function<void()> body);
  // Waits for all of them.
  void Join();

 private:
  struct Thread {
    ThreadSet* set;
    std::function<void()> body;
    std::list<Thread>::iterator place;
    pthread_t handle{};
  };

  static void* Run(void* argument);
  void JoinEnded();

  pthread_attr_t attributes_{};
  std::list<Thread> threads_;  // changed by the starting thread only
  std::mutex mutex_;
  std::vector<Thread*> ended_;
};

}  // namespace crossover
