// What the guests of one program may still print in a call.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace pyvm {

// Any thread: guests may print from threads of their own.
class OutputRoom {
  public:
    explicit OutputRoom(std::int64_t most) : most_(most), left_(most) {}

    // A call begins.
    void renew() {
        left_.store(most_, std::memory_order_relaxed);
        passed_.store(false, std::memory_order_relaxed);
    }
    // Whether a line of so many bytes is sent. One more than fits is, by which the core sees that there was more and says so.
    bool take(std::int64_t bytes) {
        if (left_.fetch_sub(std::max(bytes, kLeastLine), std::memory_order_relaxed) > 0) return true;
        return !passed_.exchange(true, std::memory_order_relaxed);
    }

  private:
    // As a line counts in the core, at the least.
    static constexpr std::int64_t kLeastLine = 12;

    const std::int64_t most_;
    std::atomic<std::int64_t> left_;
    std::atomic<bool> passed_ = false;
};

}  // namespace pyvm
