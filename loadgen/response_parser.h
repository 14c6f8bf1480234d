// ResponseParser: one HTTP response, parsed in full by Boost.Beast (which stays in one .cc).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace crossover {

// One thread. Not reusable: one parser, one response.
class ResponseParser {
 public:
  enum class Status { kIncomplete, kWhole, kMalformed };

  // `is_head`: the response is that to a HEAD request and has no body, whatever its length says.
  explicit ResponseParser(bool is_head);
  ~ResponseParser();
  ResponseParser(const ResponseParser&) = delete;
  ResponseParser& operator=(const ResponseParser&) = delete;

  // Takes the next bytes. kMalformed also for limits exceeded, and for a body that only the end of
  // the connection would end.
  Status Feed(std::string_view bytes);

  // Valid once Feed returned kWhole.
  unsigned status_code() const;
  const std::string& body() const;
  bool keep_alive() const;
  // All bytes of the response, in order.
  std::string_view raw() const;
  // How many of the bytes last fed stand behind the end of the response.
  size_t bytes_behind() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace crossover
