#include "loadgen/response_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <stdexcept>

#include "base/limits.h"

namespace crossover {

namespace http = boost::beast::http;

struct ResponseParser::State {
  http::response_parser<http::string_body> parser;
  std::string raw;
  size_t parsed_bytes = 0;
};

ResponseParser::ResponseParser(bool is_head) : state_(std::make_unique<State>()) {
  state_->parser.eager(true);
  state_->parser.skip(is_head);
  state_->parser.header_limit(static_cast<uint32_t>(limits::kResponseHeaderBytesMax));
  state_->parser.body_limit(limits::kResponseBodyBytesMax);
}

ResponseParser::~ResponseParser() = default;

ResponseParser::Status ResponseParser::Feed(std::string_view bytes) {
  State& state = *state_;
  state.raw.append(bytes);
  while (!state.parser.is_done() && state.parsed_bytes < state.raw.size()) {
    boost::beast::error_code error;
    size_t taken = 0;
    try {
      taken = state.parser.put(boost::asio::buffer(state.raw.data() + state.parsed_bytes,
                                                   state.raw.size() - state.parsed_bytes),
                               error);
    } catch (const std::length_error&) {  // a field beyond what Beast can hold
      return Status::kMalformed;
    }
    state.parsed_bytes += taken;
    if (error == http::error::need_more) break;
    if (error) return Status::kMalformed;
    if (state.parser.is_header_done() && state.parser.need_eof()) return Status::kMalformed;
    if (taken == 0) break;
  }
  if (!state.parser.is_done()) {
    // What is left over is an unfinished header, chunk line or trailer, never body.
    const size_t unfinished = state.raw.size() - state.parsed_bytes;
    return unfinished > limits::kResponseHeaderBytesMax ? Status::kMalformed : Status::kIncomplete;
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
