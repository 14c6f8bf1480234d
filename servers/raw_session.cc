// HttpSession's raw twin, for measurements only: it answers each chunk that ends a header with one
// fixed response, and parses and serialises nothing. Linked in place of http_session.cc it makes
// crossover-server-raw, whose architectures are the same code; what they differ by is what HTTP
// costs.
#include <array>
#include <string_view>

#include "servers/http_session.h"

namespace crossover {
namespace {

constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: crossover\r\n"
    "Content-Type: text/plain\r\nContent-Length: 10\r\n\r\nHello, C++";
constexpr std::string_view kHeaderEnd = "\r\n\r\n";
constexpr size_t kInputBytes = 2048;

}  // namespace

class HttpSession::Machine {
 public:
  Machine(const SessionContext& context, Counters::Shard& counters)
      : context_(context), counters_(counters) {}

  const SessionContext& context_;
  Counters::Shard& counters_;
  Step step = Step::kRead;
  std::array<char, kInputBytes> input{};
  size_t sent = 0;
};

HttpSession::HttpSession(const SessionContext& context, Counters::Shard& counters)
    : machine_(std::make_unique<Machine>(context, counters)) {}
HttpSession::~HttpSession() = default;

HttpSession::Step HttpSession::step() const { return machine_->step; }
HttpSession::Phase HttpSession::phase() const {
  return machine_->step == Step::kWrite ? Phase::kWriting : Phase::kIdle;
}
std::span<char> HttpSession::ReadBuffer() { return machine_->input; }
void HttpSession::Received(size_t n) {
  if (std::string_view(machine_->input.data(), n).ends_with(kHeaderEnd)) {
    machine_->step = Step::kWrite;
  }
}
void HttpSession::EndOfInput() { machine_->step = Step::kClose; }
void HttpSession::TimedOut() { machine_->step = Step::kClose; }
std::span<const char> HttpSession::PendingOutput() const {
  return std::span(kResponse).subspan(machine_->sent);
}
void HttpSession::Sent(size_t n) {
  machine_->sent += n;
  if (machine_->sent < kResponse.size()) return;
  machine_->sent = 0;
  machine_->counters_.requests.fetch_add(1, std::memory_order_relaxed);
  machine_->step =
      machine_->context_.draining.load(std::memory_order_relaxed) ? Step::kClose : Step::kRead;
}
int64_t HttpSession::wait_ns() const { return 0; }
void HttpSession::WaitOver() {}
void HttpSession::ShutdownDone() {}

std::string OverloadedResponse(const SessionContext&) {
  return "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
}

}  // namespace crossover
