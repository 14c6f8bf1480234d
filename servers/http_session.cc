#include "servers/http_session.h"

#include <algorithm>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <stdexcept>

#include "base/check.h"
#include "base/limits.h"
#include "servers/handler.h"

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

unsigned StatusOf(const error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) return 431;
  if (error == http::error::body_limit) return 413;
  if (error == http::error::bad_version) return 505;
  return 400;
}

// What is wrong with a header that parses, as a status; 0 if nothing is.
unsigned RefusedBy(const http::request<http::string_body>& request) {
  if (request.version() != 11 && request.version() != 10) return 505;
  const size_t hosts = request.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && request.version() == 11)) return 400;
  if (request.method() == http::verb::unknown) return 501;
  // Beast takes a body of a coding that it doesn't know for no body at all; what follows would then
  // be read as the next request.
  if (request.find(http::field::transfer_encoding) != request.end()) {
    if (request.version() == 10) return 400;
    if (!beast::iequals(request[http::field::transfer_encoding], "chunked")) return 501;
  }
  return 0;
}

// Appends a header for `reply`, with its Content-Length, to `output`.
void AppendHeader(const SessionContext& context, const Reply& reply, unsigned version,
                  bool keep_alive, std::string& output) {
  http::response<http::empty_body> response(static_cast<http::status>(reply.status), version);
  const DateSource::Text date = context.date.Now();
  response.set(http::field::date, beast::string_view(date.data(), date.size()));
  response.set(http::field::server, beast::string_view(kServerName.data(), kServerName.size()));
  response.set(http::field::content_type,
               beast::string_view(reply.content_type.data(), reply.content_type.size()));
  if (!reply.allow.empty()) {
    response.set(http::field::allow, beast::string_view(reply.allow.data(), reply.allow.size()));
  }
  response.content_length(reply.body.size());
  response.keep_alive(keep_alive);

  // Beast serialises the header; the body goes to the output from where it is. To walk over header
  // and body as one chain of Beast's buffers costs a quarter of a microsecond more.
  http::response_serializer<http::empty_body> serializer(response);
  serializer.split(true);
  while (!serializer.is_header_done()) {
    error_code error;
    const size_t before = output.size();
    serializer.next(error, [&](error_code&, const auto& buffers) {
      for (const auto buffer : beast::buffers_range_ref(buffers)) {
        output.append(static_cast<const char*>(buffer.data()), buffer.size());
      }
    });
    CHECK(!error);
    serializer.consume(output.size() - before);
  }
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

  // Takes what it can from the input. False if a request is still incomplete.
  bool Parse() {
    while (input_.size() > 0) {
      if (!parser_) {
        // Empty lines before a request are passed over (RFC 9112, 2.2).
        const auto* bytes = static_cast<const char*>(input_.data().data());
        if (bytes[0] == '\r' && input_.size() == 1) return false;
        if (bytes[0] == '\r' && bytes[1] == '\n') {
          input_.consume(2);
          continue;
        }
        parser_.emplace();
        parser_->header_limit(limits::kHeaderBytesMax);
        parser_->body_limit(limits::kBodyBytesMax);
      }
      error_code error;
      const bool header_was_done = parser_->is_header_done();
      size_t taken = 0;
      try {
        taken = parser_->put(input_.data(), error);
      } catch (const std::length_error&) {  // a field, of a trailer, beyond what Beast can hold
        error = http::error::header_limit;
      }
      input_.consume(taken);
      if (error && error != http::error::need_more) {
        RefuseAndClose(StatusOf(error), "The request is not acceptable HTTP.\n");
        return true;
      }
      if (!header_was_done && parser_->is_header_done() && !HeaderDone()) return true;
      if (parser_->is_done()) {
        RequestDone();
        return true;
      }
      if (error == http::error::need_more || taken == 0) {
        // What is left over is an unfinished header, chunk line or trailer, never body.
        if (input_.size() >= limits::kHeaderBytesMax) {
          RefuseAndClose(431, "The header is too large.\n");
          return true;
        }
        return false;
      }
    }
    return false;
  }

  // The header is there, the body perhaps not. False if the request was refused.
  bool HeaderDone() {
    const auto& request = parser_->get();
    if (const unsigned status = RefusedBy(request); status != 0) {
      RefuseAndClose(status, "The request is not acceptable HTTP.\n");
      return false;
    }
    parser_->eager(true);
    const auto expect = request[http::field::expect];
    if (expect.empty() || request.version() < 11) return true;
    if (!beast::iequals(expect, "100-continue")) {
      RefuseAndClose(417, "Only 100-continue can be expected.\n");
      return false;
    }
    // Sent even if the body has begun to arrive, so that the output never depends on timing.
    if (!parser_->is_done()) output_ += kContinue;
    return true;
  }

  void RequestDone() {
    const auto& request = parser_->get();
    head_ = request.method() == http::verb::head;
    version_ = request.version();
    keep_alive_ = request.keep_alive() && !context_.draining.load(std::memory_order_relaxed);
    reply_ = Handle({.method = MethodOf(request.method()),
                     .target = {request.target().data(), request.target().size()},
                     .body = request.body()});
    closing_ = !keep_alive_;
    // A client that did not ask for the close may have sent more.
    lingers_ = closing_ && (input_.size() > 0 || request.keep_alive());
    replying_ = true;
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
