// Whether it is worth looking for completions before JavaScript's thread goes to sleep.
#pragma once

#include <cstdint>

namespace pyvm {

// A short look spares the waking of the event loop, which costs more than most calls. Everything else on the thread waits
// meanwhile, so nothing is looked for that takes longer, and little where looks have been in vain.
class Lookout {
  public:
    // Microseconds to look for the end of so many nanoseconds of work; 0 for not at all. `slept`: its thread had to be woken.
    double patience(std::int64_t work, bool slept) {
        if (work > kMostWork) return 0;
        if (slept && vain_ >= kMostVain && ++passed_ % kTryAgain != 0) return 0;
        return kStart + 2e-3 * static_cast<double>(work);
    }

    void learn(bool found) { vain_ = found ? 0 : vain_ + 1; }

  private:
    static constexpr std::int64_t kMostWork = 12'000;  // nanoseconds
    static constexpr double kStart = 8;  // microseconds: of a thread that wakes up on the same core
    static constexpr int kMostVain = 4;  // looks in a row
    static constexpr int kTryAgain = 16;

    int vain_ = 0;
    int passed_ = 0;
};

}  // namespace pyvm
