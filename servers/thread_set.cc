#include "servers/thread_set.h"

#include <unistd.h>

#include <algorithm>
#include <climits>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "servers/sanitizers.h"

namespace crossover {

ThreadSet::ThreadSet(size_t stack_bytes) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t wanted = std::max(stack_bytes, limits::kStackBytesMin) * kStackFactor;
  pthread_attr_init(&attributes_);
  CHECK(pthread_attr_setstacksize(&attributes_, (wanted + page - 1) / page * page) == 0);
}

ThreadSet::~ThreadSet() {
  Join();
  pthread_attr_destroy(&attributes_);
}

void* ThreadSet::Run(void* argument) {
  auto* thread = static_cast<Thread*>(argument);
  thread->body();
  const std::lock_guard lock(thread->set->mutex_);
  thread->set->ended_.push_back(thread);
  return nullptr;
}

bool ThreadSet::Start(std::function<void()> body) {
  JoinEnded();
  Thread& thread = threads_.emplace_front(Thread{this, std::move(body), {}, {}});
  thread.place = threads_.begin();
  if (pthread_create(&thread.handle, &attributes_, &ThreadSet::Run, &thread) == 0) return true;
  threads_.pop_front();
  return false;
}

void ThreadSet::JoinEnded() {
  std::vector<Thread*> ended;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(ended_);
  }
  for (Thread* thread : ended) {
    pthread_join(thread->handle, nullptr);
    threads_.erase(thread->place);
  }
}

void ThreadSet::Join() {
  for (const Thread& thread : threads_) pthread_join(thread.handle, nullptr);
  threads_.clear();
  ended_.clear();
}

}  // namespace crossover
