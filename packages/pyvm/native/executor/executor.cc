#include "executor/executor.h"

#include <chrono>
#include <thread>
#include <utility>

#include "bridge/output.h"
#include "platform/thread.h"

namespace pyvm {

namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

// Waking a thread costs more than most calls, so an executor that has just been busy looks for the next job a little
// while before it sleeps: if it has lately found one so, and if whoever would post it does not need the same core. Never
// more of them than there are cores to spare for it.
constexpr auto kSpin = microseconds(50);
constexpr int kTryAgain = 16;  // sleeps after which it is tried again all the same
std::atomic<int> spinners{0};

int most_spinners() {
    static const int most = std::max(0, std::min(2, static_cast<int>(std::thread::hardware_concurrency()) - 1));
    return most;
}

// Calls that lately took less, in nanoseconds, are measured so many together: the clock costs as much as reading their payload.
constexpr std::int64_t kShort = 5'000;
constexpr int kTogether = 4;

// About what it takes JavaScript's thread to wake up on a core of its own: it is told that much before the work is done.
constexpr auto kAwakening = microseconds(40);

// The last job: it ends the executor.
struct LastJob : Job {
    explicit LastJob(bool& finished) : finished(finished) {}
    void run(Executor&) override { finished = true; }
    void refuse(const Failure&) override { finished = true; }
    bool& finished;
};

}  // namespace

std::shared_ptr<Executor> Executor::start(Kind kind, const StartOptions& options) {
    std::shared_ptr<Executor> executor(new Executor(kind, options));
    executor->interpreter_ = kind == Kind::shared ? &main_interpreter() : new Interpreter;
    // The thread holds the executor until it ends.
    if (!start_thread([executor] { executor->main(); })) return nullptr;
    return executor;
}

Executor::~Executor() = default;

bool Executor::push(Job* job) {
    job->next = posted_.load(std::memory_order_relaxed);
    while (!posted_.compare_exchange_weak(job->next, job)) {}
    poster_core_.store(current_core(), std::memory_order_relaxed);
    return asleep_.load();
}

void Executor::wake() {
    if (!asleep_.load() || !asleep_.exchange(false)) return;
    { std::scoped_lock lock(mutex_); }
    woken_.notify_one();
}

void Executor::finish(std::function<void()> when_ended) {
    when_ended_ = std::move(when_ended);
    post(std::make_unique<LastJob>(finished_));
}

bool Executor::spin() {
    if (spins_ <= 0 && --spins_ > -kTryAgain) return false;
    if (spinners.fetch_add(1) >= most_spinners()) {
        spinners.fetch_sub(1);
        return false;
    }
    auto until = Clock::now() + kSpin;
    bool found = false;
    bool alone = true;
    do {
        alone = current_core() == kNoCore || current_core() != poster_core_.load(std::memory_order_relaxed);
        for (int i = 0; i < 32 && alone && !found; i++) {
            pause_core();
            found = posted_.load(std::memory_order_acquire) != nullptr;
        }
    } while (alone && !found && Clock::now() < until);
    spinners.fetch_sub(1);
    if (found) {
        spins_ = kBoldest;
    } else if (alone) {
        spins_ = std::max(0, spins_ - 1);
    }
    return found;
}

// Until there is a job.
void Executor::wait() {
    if (posted_.load() != nullptr || spin()) return;
    asleep_.store(true);
    if (posted_.load() != nullptr) {
        asleep_.store(false);
        return;
    }
    std::unique_lock lock(mutex_);
    woken_.wait(lock, [this] { return !asleep_.load(); });
}

// Runs what has been posted, in order.
void Executor::serve() {
    Job* jobs = nullptr;
    left_ = 0;
    for (Job* job = posted_.exchange(nullptr); job != nullptr; left_++) {
        Job* before = job->next;
        job->next = jobs;
        jobs = job;
        job = before;
    }
    core_.store(current_core(), std::memory_order_relaxed);
    since_ = Clock::now();
    unmeasured_ = 0;
    while (jobs != nullptr) {
        Job* job = jobs;
        jobs = job->next;
        left_--;
        if (thread_.state() != nullptr) {
            job->run(*this);
        } else {
            job->refuse(start_failure_);
        }
        job->end(*this);
    }
}

void Executor::measure() {
    std::int64_t pace = pace_.load(std::memory_order_relaxed);
    if (++unmeasured_ < kTogether && pace < kShort && left_ > 0) return;
    auto now = Clock::now();
    std::int64_t took = nanoseconds(now - since_).count() / std::exchange(unmeasured_, 0);
    since_ = now;
    // A thread that is kept from its core for a while looks like a slow call; one of them says little.
    pace_.store(pace == kUnknown ? took : pace + std::min(took - pace, 2 * pace) / 8, std::memory_order_relaxed);
}

bool Executor::may_hold(int told_core) const {
    if (left_ == 0) return false;
    int core = current_core();
    if (core == told_core && core != kNoCore) return true;
    return static_cast<std::int64_t>(left_) * pace() > nanoseconds(kAwakening).count();
}

void Executor::main() {
    bool started = start_interpreter();
    while (!finished_) {
        wait();
        if (started) thread_.attach();
        // The lock is kept from call to call; whoever wants it meanwhile gets it from the guest that runs.
        do serve();
        while (posted_.load() != nullptr && !finished_);
        if (started) thread_.detach();
    }
    if (started) end_interpreter();
    if (when_ended_) when_ended_();
}

bool Executor::start_interpreter() {
    std::string problem;
    if (kind_ == Kind::shared) {
        thread_.adopt(py.PyThreadState_New(interpreter_->state));
        return true;
    }
    PyThreadState* state = nullptr;
    if (kind_ == Kind::main) {
        problem = start_main_interpreter(options_, *interpreter_);
        if (problem.empty()) state = py.PyThreadState_Get();
    } else {
        state = start_sub_interpreter(*interpreter_, problem);
    }
    if (!problem.empty()) {
        start_failure_ = fail("ERR_EXT_UNSUPPORTED", std::move(problem));
        return false;
    }
    thread_.adopt(state);
    py.PyEval_SaveThread();
    return true;
}

void Executor::end_interpreter() {
    gate_.wait_for_aborts();
    thread_.attach();
    if (kind_ != Kind::own_gil && guest_.program != 0) {
        Ref program = Ref::steal(py.PyLong_FromLongLong(guest_.program));
        Ref::steal(py.PyObject_CallObject(interpreter_->support.end_loop.get(), nullptr));
        Ref::steal(py.PyObject_CallOneArg(interpreter_->support.unload.get(), program.get()));
        py.PyErr_Clear();
    }
    guest_.functions.clear();
    guest_.json = {};
    keys_.clear();
    codec_.reset();
    if (kind_ == Kind::own_gil) {
        if (end_sub_interpreter(*interpreter_, thread_.state())) delete interpreter_;
    } else {
        py.PyThreadState_Clear(thread_.state());
        py.PyThreadState_DeleteCurrent();
    }
    thread_.forget();
    flush_output();
    interpreter_ = nullptr;
}

std::unique_ptr<JsonCodec> Executor::take_codec() {
    return codec_ != nullptr ? std::move(codec_) : std::make_unique<JsonCodec>();
}

void Executor::give_codec(std::unique_ptr<JsonCodec> codec) {
    codec->writer.trim();
    codec_ = std::move(codec);
}

}  // namespace pyvm
