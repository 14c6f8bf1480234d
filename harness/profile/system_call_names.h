// The names of this machine's system calls.
#pragma once

#include <cstdint>
#include <string>

namespace crossover {

// "epoll_wait", or "system_call_9999" for a number that the headers of the build don't have.
std::string SystemCallName(int64_t number);

}  // namespace crossover
