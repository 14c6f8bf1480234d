// HeaderScan: how much of the header of an HTTP message Boost.Beast can be given. When Beast sees
// errors in an unfinished header, and which limit it holds it to, depends on the pieces that it
// gets; given these pieces it depends on the bytes alone.
#pragma once

#include <cstddef>
#include <string_view>

namespace crossover {

// One thread; one for each message.
class HeaderScan {
 public:
  // `bytes`: the message as far as it has come, cut off at the limit of a header. Returns the size
  // of its header, empty line included; 0 if that has no end there.
  size_t End(std::string_view bytes);

  // Of a header without an end: how many bytes can be parsed already. That is its first line, then
  // each line that is known not to be continued by a folded one, and the byte that says so.
  static size_t Parsable(std::string_view bytes);

 private:
  size_t searched_ = 0;  // no end begins before here
};

}  // namespace crossover
