#include "servers/http_session.h"

#include <algorithm>
#include <array>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

#include "base/header_scan.h"
#include "base/limits.h"
#include "servers/handler.h"
#include "servers/request_rules.h"
#include "servers/slow_down.h"

namespace crossover {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::string_view kServerName = "crossover";
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

using Parser = http::request_parser<http::string_body>;

Method MethodOf(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::kGet;
    case http::verb::head:
      return Method::kHead;
    case http::verb::post:
      return Method::kPost;
    default:
      return Method::kOther;
  }
}

void AppendNumber(std::string& output, uint64_t number) {
  std::array<char, std::numeric_limits<uint64_t>::digits10 + 1> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  output.append(digits.data(), end);
}

void AppendField(std::string& output, std::string_view name, std::string_view value) {
  output.append(name).append(": ").append(value).append("\r\n");
}

// Appends a header for `reply`, with its Content-Length, to `output`. As text, since Beast's
// message is a tree of a heap block for each field, and its serializer walks a chain of buffers:
// for a few fields in a known order that is most of a microsecond
// (docs/decisions/0019-headers-as-text.md).
void AppendHeader(const SessionContext& context, const Reply& reply, unsigned version,
                  bool keep_alive, std::string& output) {
  output.append(version == 10 ? "HTTP/1.0 " : "HTTP/1.1 ");
  AppendNumber(output, reply.status);
  const auto reason = http::obsolete_reason(static_cast<http::status>(reply.status));
  output.append(" ").append(reason.data(), reason.size()).append("\r\n");
  const DateSource::Text date = context.date.Now();
  AppendField(output, "Date", {date.data(), date.size()});
  AppendField(output, "Server", kServerName);
  AppendField(output, "Content-Type", reply.content_type);
  if (!reply.allow.empty()) AppendField(output, "Allow", reply.allow);
  output.append("Content-Length: ");
  AppendNumber(output, reply.body.size());
  output.append("\r\n");
  // What is not the version's own way is said (RFC 9112, 9.3).
  if (keep_alive == (version == 10)) {
    AppendField(output, "Connection", keep_alive ? "keep-alive" : "close");
  }
  output.append("\r\n");
}

}  // namespace

class HttpSession::Machine {
 public:
  Machine(const SessionContext& context, Counters::Shard& counters)
      : context_(context),
        counters_(counters),
        input_(limits::kHeaderBytesMax + limits::kReadChunkBytesMax) {}

  Step step() const { return step_; }

  Phase phase() const {
    if (step_ == Step::kWrite) return Phase::kWriting;
    if (step_ == Step::kWait) return Phase::kHandling;
    if (discarding_) return Phase::kLingering;
    if (!parser_) return Phase::kIdle;
    return parser_->is_header_done() ? Phase::kBody : Phase::kHeader;
  }

  std::span<char> ReadBuffer() {
    const auto room = input_.prepare(std::min(chunk_bytes_, input_.max_size() - input_.size()));
    return {static_cast<char*>(room.data()), room.size()};
  }

  void Received(size_t n) {
    input_.commit(n);
    // A chunk that came full tells of more: the next one is larger.
    if (n == chunk_bytes_) chunk_bytes_ = std::min(2 * chunk_bytes_, limits::kReadChunkBytesMax);
    if (discarding_) return Discard();
    Advance();
  }

  void EndOfInput() {
    if (discarding_ || !parser_) {
      step_ = Step::kClose;
      return;
    }
    RefuseAndClose(400, "The request ended before it was complete.\n");
    Advance();
  }

  void TimedOut() {
    if (discarding_ || !parser_) {
      step_ = Step::kClose;
      return;
    }
    RefuseAndClose(408, "The request did not arrive in time.\n");
    Advance();
  }

  std::span<const char> PendingOutput() const {
    return {output_.data() + sent_, output_.size() - sent_};
  }

  void Sent(size_t n) {
    sent_ += n;
    if (sent_ < output_.size()) return;
    output_.clear();
    sent_ = 0;
    counters_.requests.fetch_add(complete_in_output_, std::memory_order_relaxed);
    complete_in_output_ = 0;
    Advance();
  }

  int64_t wait_ns() const { return reply_.wait_ns; }

  void WaitOver() {
    reply_.wait_ns = 0;
    Advance();
  }

  void ShutdownDone() {
    discarding_ = true;
    step_ = Step::kRead;
    Discard();
  }

 private:
  // Goes on as far as possible without I/O, then says in step_ what is needed.
  void Advance() {
    while (true) {
      if (replying_) {
        if (reply_.wait_ns > 0) {
          step_ = output_.empty() ? Step::kWait : Step::kWrite;
          return;
        }
        SerializeReply();
        if (replying_) break;  // the output is full
      }
      if (closing_ || output_.size() >= limits::kOutputBytesMax) break;
      if (!Parse()) break;
    }
    if (!output_.empty()) {
      step_ = Step::kWrite;
    } else if (closing_) {
      step_ = lingers_ ? Step::kShutdown : Step::kClose;
    } else {
      step_ = Step::kRead;
    }
  }

  std::string_view Input() const {
    return {static_cast<const char*>(input_.data().data()), input_.size()};
  }

  // Takes what it can from the input. False if a request is still incomplete.
  bool Parse() {
    while (input_.size() > 0) {
      if (!parser_ && !BeginRequest()) return false;
      if (!parser_->is_header_done()) {
        if (!ParseHeader()) return false;
      } else if (!ParseBody()) {
        return false;
      }
      if (replying_) return true;  // it was refused
      if (parser_->is_done()) {
        RequestDone();
        return true;
      }
    }
    return false;
  }

  // Passes over empty lines before a request (RFC 9112, 2.2). False if nothing else is there.
  bool BeginRequest() {
    while (Input().starts_with("\r\n")) input_.consume(2);
    if (input_.size() == 0 || Input() == "\r") return false;
    parser_.emplace();
    parser_->header_limit(limits::kHeaderBytesMax);
    parser_->body_limit(limits::kBodyBytesMax);
    parser_->eager(true);
    header_scan_ = {};
    header_parsed_ = 0;
    return true;
  }

  // False if more input is needed.
  bool ParseHeader() {
    const std::string_view bytes = Input().substr(0, limits::kHeaderBytesMax);
    const size_t header = header_scan_.End(bytes);
    const size_t size = header > 0 ? header : HeaderScan::Parsable(bytes);
    error_code error = http::error::need_more;
    if (size > header_parsed_) {
      header_parsed_ += parser_->put({bytes.data() + header_parsed_, size - header_parsed_}, error);
    }
    // A first line that is there and yet not enough is a wrong one: need_more stays.
    const bool first_line_wrong = size > 0 && header_parsed_ == 0;
    if (header == 0 && error == http::error::need_more && !first_line_wrong) {
      if (bytes.size() < limits::kHeaderBytesMax) return false;
      error = http::error::header_limit;
    }
    if (error) {
      Refuse(StatusOf(error, bytes));
    } else {
      input_.consume(header);
      HeaderDone();
    }
    return true;
  }

  // Likewise. Of a chunked body Beast never gets more at once than a line or a trailer may have, so
  // that these are held to one limit, however they arrive.
  bool ParseBody() {
    size_t size = input_.size();
    if (parser_->chunked()) size = std::min(size, limits::kHeaderBytesMax);
    error_code error;
    const size_t taken = parser_->put({input_.data().data(), size}, error);
    if (error && error != http::error::need_more) {
      Refuse(StatusOf(error, {}));
      return true;
    }
    input_.consume(taken);
    if (taken > 0) return true;
    // What is left over is an unfinished chunk line or trailer.
    if (size < limits::kHeaderBytesMax) return false;
    Refuse(431);
    return true;
  }

  // The header is there, the body perhaps not.
  void HeaderDone() {
    const auto& request = parser_->get();
    if (const unsigned status = RefusedBy(request); status != 0) {
      Refuse(status);
      return;
    }
    const auto expect = request[http::field::expect];
    if (expect.empty() || request.version() < 11) return;
    if (!beast::iequals(expect, "100-continue")) {
      RefuseAndClose(417, "Only 100-continue can be expected.\n");
      return;
    }
    // Sent even if the body has begun to arrive, so that the output never depends on timing.
    if (!parser_->is_done()) output_ += kContinue;
  }

  void RequestDone() {
    const auto& request = parser_->get();
    head_ = request.method() == http::verb::head;
    version_ = request.version();
    keep_alive_ = request.keep_alive() && !context_.draining.load(std::memory_order_relaxed);
    reply_ = Handle({.method = MethodOf(request.method()),
                     .target = {request.target().data(), request.target().size()},
                     .body = request.body()});
    if (context_.slow_down > 0) [[unlikely]]
      SlowDownThread(context_.slow_down);
    closing_ = !keep_alive_;
    // A client that did not ask for the close may have sent more.
    lingers_ = closing_ && (input_.size() > 0 || request.keep_alive());
    replying_ = true;
  }

  void Refuse(unsigned status) {
    RefuseAndClose(status, status == 431 ? "The header is too large.\n"
                                         : "The request is not acceptable HTTP.\n");
  }

  void RefuseAndClose(unsigned status, std::string_view text) {
    counters_.protocol_errors.fetch_add(1, std::memory_order_relaxed);
    input_.consume(input_.size());
    head_ = parser_ && parser_->is_header_done() && parser_->get().method() == http::verb::head;
    version_ = 11;
    keep_alive_ = false;
    reply_ = {.status = status, .body = text};
    closing_ = true;
    lingers_ = true;
    replying_ = true;
  }

  // Appends as much of the reply to the output as fits.
  void SerializeReply() {
    if (!header_sent_) {
      AppendHeader(context_, reply_, version_, keep_alive_, output_);
      header_sent_ = true;
      if (head_) reply_.body = {};
    }
    if (output_.size() < limits::kOutputBytesMax) {
      const auto piece = reply_.body.substr(0, limits::kOutputBytesMax - output_.size());
      output_ += piece;
      reply_.body.remove_prefix(piece.size());
    }
    if (!reply_.body.empty()) return;
    ++complete_in_output_;
    parser_.reset();
    header_sent_ = false;
    replying_ = false;
  }

  void Discard() {
    discarded_ += input_.size();
    input_.consume(input_.size());
    if (discarded_ > limits::kLingerBytesMax) step_ = Step::kClose;
  }

  const SessionContext& context_;
  Counters::Shard& counters_;

  beast::flat_buffer input_;
  size_t chunk_bytes_ = limits::kReadChunkBytes;
  std::optional<Parser> parser_;  // empty between requests
  HeaderScan header_scan_;
  size_t header_parsed_ = 0;  // of a header that is not done: what the parser has taken, unconsumed

  Reply reply_;
  bool replying_ = false;  // a reply is waited for or being serialised
  bool head_ = false;
  bool keep_alive_ = true;
  unsigned version_ = 11;
  bool header_sent_ = false;  // what is left of the reply is its body

  std::string output_;
  size_t sent_ = 0;
  uint64_t complete_in_output_ = 0;

  Step step_ = Step::kRead;
  bool closing_ = false;     // the reply at hand is the last one
  bool lingers_ = false;     // input may be unread at the close
  bool discarding_ = false;  // the sending side is shut down
  size_t discarded_ = 0;
};

HttpSession::HttpSession(const SessionContext& context, Counters::Shard& counters)
    : machine_(std::make_unique<Machine>(context, counters)) {}
HttpSession::~HttpSession() = default;

HttpSession::Step HttpSession::step() const { return machine_->step(); }
HttpSession::Phase HttpSession::phase() const { return machine_->phase(); }
std::span<char> HttpSession::ReadBuffer() { return machine_->ReadBuffer(); }
void HttpSession::Received(size_t n) { machine_->Received(n); }
void HttpSession::EndOfInput() { machine_->EndOfInput(); }
void HttpSession::TimedOut() { machine_->TimedOut(); }
std::span<const char> HttpSession::PendingOutput() const { return machine_->PendingOutput(); }
void HttpSession::Sent(size_t n) { machine_->Sent(n); }
int64_t HttpSession::wait_ns() const { return machine_->wait_ns(); }
void HttpSession::WaitOver() { machine_->WaitOver(); }
void HttpSession::ShutdownDone() { machine_->ShutdownDone(); }

std::string OverloadedResponse(const SessionContext& context) {
  const Reply reply = {.status = 503, .body = "All workers are busy.\n"};
  std::string bytes;
  AppendHeader(context, reply, 11, false, bytes);
  bytes += reply.body;
  return bytes;
}

}  // namespace crossover
