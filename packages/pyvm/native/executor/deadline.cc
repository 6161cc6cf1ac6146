#include "executor/deadline.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "platform/thread.h"

namespace pyvm {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kLongest = 1e9;  // milliseconds; more than a setTimeout can wait

struct Watched {
    Clock::time_point at;
    std::shared_ptr<Executor> executor;
    std::shared_ptr<Cancellation> cancellation;
};

// One thread of the process, started at the first deadline, never ended.
class Watch {
  public:
    static Watch& get() {
        static auto* watch = new Watch;
        return *watch;
    }

    unsigned long long add(Watched watched) {
        std::scoped_lock lock(mutex_);
        if (!started_) started_ = start_thread([this] { run(); });
        Clock::time_point at = watched.at;
        watched_.emplace(++last_, std::move(watched));
        // Mostly it is due to look up before that anyway, and is left asleep.
        if (at < next_look_) changed_.notify_one();
        return last_;
    }

    void remove(unsigned long long id) {
        std::scoped_lock lock(mutex_);
        watched_.erase(id);
    }

  private:
    void run() {
        std::unique_lock lock(mutex_);
        for (;;) {
            auto now = Clock::now();
            next_look_ = Clock::time_point::max();
            for (auto& [id, watched] : watched_) {
                if (watched.at <= now && !watched.cancellation->requested.load()) {
                    watched.cancellation->request(*watched.executor);
                } else if (watched.at > now) {
                    next_look_ = std::min(next_look_, watched.at);
                }
            }
            if (next_look_ == Clock::time_point::max()) {
                changed_.wait(lock);
            } else {
                changed_.wait_until(lock, next_look_);
            }
        }
    }

    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    std::map<unsigned long long, Watched> watched_;
    unsigned long long last_ = 0;
    Clock::time_point next_look_ = Clock::time_point::max();
    bool started_ = false;
};

}  // namespace

Deadline::Deadline(std::shared_ptr<Executor> executor, std::shared_ptr<Cancellation> cancellation, double milliseconds) {
    auto wait = std::chrono::duration<double, std::milli>(std::clamp(milliseconds, 0.0, kLongest));
    auto at = Clock::now() + std::chrono::duration_cast<Clock::duration>(wait);
    id_ = Watch::get().add({at, std::move(executor), std::move(cancellation)});
}

Deadline::~Deadline() { Watch::get().remove(id_); }

}  // namespace pyvm
