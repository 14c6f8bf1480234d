#include "loadgen/response_parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/header_scan.h"
#include "base/limits.h"

namespace crossover {

namespace http = boost::beast::http;
using boost::beast::error_code;

struct ResponseParser::State {
  http::response_parser<http::string_body> parser;
  std::string raw;
  size_t parsed_bytes = 0;
  HeaderScan header_scan;

  Status ParseHeader();
  Status ParseBody();
};

ResponseParser::ResponseParser(bool is_head) : state_(std::make_unique<State>()) {
  state_->parser.eager(true);
  state_->parser.skip(is_head);
  state_->parser.header_limit(static_cast<uint32_t>(limits::kResponseHeaderBytesMax));
  state_->parser.body_limit(limits::kResponseBodyBytesMax);
}

ResponseParser::~ResponseParser() = default;

ResponseParser::Status ResponseParser::Feed(std::string_view bytes) {
  state_->raw.append(bytes);
  if (!state_->parser.is_header_done()) {
    const Status status = state_->ParseHeader();
    if (status != Status::kWhole) return status;
  }
  return state_->ParseBody();
}

ResponseParser::Status ResponseParser::State::ParseHeader() {
  const std::string_view bytes = std::string_view(raw).substr(0, limits::kResponseHeaderBytesMax);
  const size_t header = header_scan.End(bytes);
  const size_t size = header > 0 ? header : HeaderScan::Parsable(bytes);
  error_code error = http::error::need_more;
  if (size > parsed_bytes) {
    parsed_bytes +=
        parser.put(boost::asio::buffer(bytes.data() + parsed_bytes, size - parsed_bytes), error);
  }
  if (header == 0 && error == http::error::need_more) {
    // A first line that is there and yet not enough is a wrong one.
    const bool first_line_wrong = size > 0 && parsed_bytes == 0;
    const bool full = bytes.size() == limits::kResponseHeaderBytesMax;
    return full || first_line_wrong ? Status::kMalformed : Status::kIncomplete;
  }
  return error || parser.need_eof() ? Status::kMalformed : Status::kWhole;
}

// Of a chunked body Beast never gets more at once than a line or a trailer may have, so that these
// are held to one limit, however they arrive.
ResponseParser::Status ResponseParser::State::ParseBody() {
  while (!parser.is_done()) {
    size_t size = raw.size() - parsed_bytes;
    if (size == 0) return Status::kIncomplete;
    if (parser.chunked()) size = std::min(size, limits::kResponseHeaderBytesMax);
    error_code error;
    const size_t taken = parser.put(boost::asio::buffer(raw.data() + parsed_bytes, size), error);
    parsed_bytes += taken;
    if (error && error != http::error::need_more) return Status::kMalformed;
    if (taken > 0) continue;
    // What is left over is an unfinished chunk line or trailer.
    return size < limits::kResponseHeaderBytesMax ? Status::kIncomplete : Status::kMalformed;
  }
  return Status::kWhole;
}

unsigned ResponseParser::status_code() const { return state_->parser.get().result_int(); }
const std::string& ResponseParser::body() const { return state_->parser.get().body(); }
bool ResponseParser::keep_alive() const { return state_->parser.get().keep_alive(); }
std::string_view ResponseParser::raw() const {
  return std::string_view(state_->raw).substr(0, state_->parsed_bytes);
}
size_t ResponseParser::bytes_behind() const { return state_->raw.size() - state_->parsed_bytes; }

}  // namespace crossover
