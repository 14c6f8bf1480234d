// The server's conversation with whoever started it: lines of JSON on stdin and stdout.
//
//   out  {"event":"ready", "port":N, ...}      it listens
//   in   {"command":"counters"}                out {"event":"counters", ...}
//   in   {"command":"processes"}               out {"event":"processes", "pids":[...], "ended":N}
//        its own and those of an architecture that serves in others, of which N have ended
//   in   {"command":"stop"}, SIGTERM, SIGINT   drains; out {"event":"done", ...}
//
// The end of stdin means nothing, and a terminal is not read: run by hand, it serves until a
// signal.
#pragma once

#include <vector>

#include "servers/server.h"

namespace crossover {

// Makes the server, serves until told to stop, and returns when it has drained. Throws what
// Server's constructor throws. Blocks SIGTERM and SIGINT for the calling thread and those that it
// starts.
//
// The conversation goes on on the calling thread, which keeps to `control_cpus` (empty: any).
// Elsewhere than on the CPUs that serve, a question is answered at once; among thousands of
// runnable threads it was seen to wait for 6 s. UsageError if those CPUs can't be had.
void ServeWithControl(const ServerOptions& options, const std::vector<int>& control_cpus);

}  // namespace crossover
