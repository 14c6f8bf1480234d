// The floor that all architectures share: what a session costs without any I/O.
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <string_view>

#include "base/check.h"
#include "servers/http_session.h"

namespace crossover {
namespace {

void Drive(benchmark::State& state, std::string_view request, int64_t requests_in_it) {
  const SessionContext context;
  Counters::Shard counters;
  HttpSession session(context, counters);
  for (auto _ : state) {
    CHECK(session.step() == HttpSession::Step::kRead);
    std::memcpy(session.ReadBuffer().data(), request.data(), request.size());
    session.Received(request.size());
    while (session.step() == HttpSession::Step::kWrite) {
      benchmark::DoNotOptimize(session.PendingOutput().data());
      session.Sent(session.PendingOutput().size());
    }
  }
  CHECK(counters.requests == static_cast<uint64_t>(state.iterations() * requests_in_it));
  state.SetItemsProcessed(state.iterations() * requests_in_it);
}

constexpr std::string_view kGet =
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";

void SessionGet(benchmark::State& state) { Drive(state, kGet, 1); }
BENCHMARK(SessionGet);

void SessionGetPipelined16(benchmark::State& state) {
  std::string sixteen;
  for (int i = 0; i < 16; ++i) sixteen += kGet;
  Drive(state, sixteen, 16);
}
BENCHMARK(SessionGetPipelined16);

void SessionEcho1KiB(benchmark::State& state) {
  const std::string request =
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1024\r\n\r\n" + std::string(1024, 'x');
  Drive(state, request, 1);
}
BENCHMARK(SessionEcho1KiB);

void SessionBytes64KiB(benchmark::State& state) {
  Drive(state, "GET /bytes/65536 HTTP/1.1\r\nHost: x\r\n\r\n", 1);
}
BENCHMARK(SessionBytes64KiB);

}  // namespace
}  // namespace crossover
