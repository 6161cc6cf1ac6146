// Stops synchronous calls in time, while their caller's thread is busy running them.
#pragma once

#include <memory>

#include "executor/call.h"

namespace pyvm {

// From its making to its end, the call that the executor runs is aborted when `milliseconds` have passed.
class Deadline {
  public:
    Deadline(std::shared_ptr<Executor> executor, std::shared_ptr<Cancellation> cancellation, double milliseconds);
    ~Deadline();
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

  private:
    unsigned long long id_;
};

}  // namespace pyvm
