// The server's conversation with whoever started it: lines of JSON on stdin and stdout.
//
//   out  {"event":"ready", "port":N, ...}      it listens
//   in   {"command":"counters"}                out {"event":"counters", ...}
//   in   {"command":"stop"}, SIGTERM, SIGINT   drains; out {"event":"done", ...}
//
// The end of stdin means nothing, and a terminal is not read: run by hand, it serves until a
// signal.
#pragma once

#include "servers/server.h"

namespace crossover {

// Makes the server, serves until told to stop, and returns when it has drained. Throws what
// Server's constructor throws. Blocks SIGTERM and SIGINT for the calling thread and those that it
// starts.
void ServeWithControl(const ServerOptions& options);

}  // namespace crossover
