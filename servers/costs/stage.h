// Stage: the one set-up, such as 8,000 connections, that the costs measured by turns have in
// common. Two at a time would run into limits.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <typeindex>

#include "base/error.h"

namespace crossover {

// One thread.
class Stage {
 public:
  // The set-up Set(arguments..., n), made now unless it is the one that is there. What its making
  // threw is thrown again, without another try, until another one is asked for.
  template <typename Set, typename... Arguments>
  Set& Get(size_t n, const Arguments&... arguments) {
    const std::type_index type = typeid(Set);
    if (type != type_ || n != n_) {
      Clear();
      type_ = type;
      n_ = n;
      try {
        set_ = std::make_shared<Set>(arguments..., n);
      } catch (const std::exception& error) {
        failure_ = error.what();
      }
    }
    if (set_ == nullptr) throw UsageError(failure_);
    return *static_cast<Set*>(set_.get());
  }

  // Leaves nothing behind.
  void Clear() {
    set_.reset();
    type_ = typeid(void);
  }

 private:
  std::type_index type_ = typeid(void);
  size_t n_ = 0;
  std::shared_ptr<void> set_;
  std::string failure_;
};

// The program's.
Stage& TheStage();

}  // namespace crossover
