// The parent of the prefork architecture's workers: a process without threads that forks them,
// looks after them and reaps them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/fd.h"
#include "servers/listener.h"
#include "servers/prefork_board.h"

namespace crossover {

// Lives in the process that was forked for it. One thread.
class PreforkParent {
 public:
  // All three are that process's copies of the server's, made by fork().
  PreforkParent(Listener& listener, Counters& counters, PreforkBoard& board);

  // Keeps workers ready once PreforkBoard::serving is set, and returns when, after the listener's
  // stop, the last worker has ended.
  void Run();

 private:
  void Wait();
  void Reap();
  void Bury(pid_t pid, bool crashed);
  void KeepSpares();
  bool Fork();
  void BackOff();
  void NoteStop();
  void Sweep();
  void LetGo(int64_t idle);
  int64_t IdleWorkers() const;

  Listener& listener_;
  ConnectionTable& table_;
  Counters& counters_;
  PreforkBoard& board_;
  const pid_t self_;
  Fd child_ended_;

  std::vector<pid_t> workers_;  // by slot; 0: free
  std::vector<size_t> free_;    // slots that were in use
  std::unordered_map<pid_t, size_t> slot_of_;
  int64_t burst_ = 1;        // workers forked at once
  int64_t idle_before_ = 0;  // at the last sweep
  int64_t back_off_ms_ = 0;
  int64_t forks_again_ms_ = 0;  // not before
  int64_t sweeps_ms_ = 0;       // next
  bool stopping_ = false;
};

}  // namespace crossover
