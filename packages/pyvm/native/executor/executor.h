// One OS thread attached to one interpreter, with a queue of jobs, and at most one program loaded.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/output_room.h"
#include "cpython/python_thread.h"
#include "executor/abort.h"
#include "executor/start_interpreter.h"
#include "interpreter/failure.h"
#include "json/bounds.h"
#include "json/json.h"
#include "platform/thread.h"

namespace pyvm {

class Executor;
class Completions;
class HostDesk;

// Work for an executor's thread: it is run, or refused, and then ended.
struct Job {
    virtual ~Job() = default;
    // Attached.
    virtual void run(Executor& executor) = 0;
    // The executor's interpreter could not be made.
    virtual void refuse(const Failure& failure) = 0;
    // Whoever posted it may want it back.
    virtual void end(Executor&) { delete this; }

    Job* next = nullptr;  // in the queue
};

// What whoever called the guest does while it runs.
enum class Caller {
    elsewhere,  // something else, while the executor's thread runs it
    blocked,    // waits for the executor's thread, which runs it
    here,       // runs it, with JavaScript's thread
};

// What load() left in the interpreter.
struct Guest {
    std::int64_t program = 0;
    std::vector<Ref> functions;
    Bounds bounds;
    JsonRules json;
    std::shared_ptr<OutputRoom> output;  // null before load()
};

class Executor : public std::enable_shared_from_this<Executor> {
  public:
    enum class Kind { main, shared, own_gil };

    // Starts the thread; its interpreter is made there, before the first job. `main` starts CPython itself.
    static std::shared_ptr<Executor> start(Kind kind, const StartOptions& options = {});

    // Any thread. The job runs after those posted before it.
    void post(std::unique_ptr<Job> job) {
        push(job.release());
        wake();
    }
    // The same, but the thread may go on sleeping until `wake`. True if it does.
    bool push(Job* job);
    void wake();

    // The thread ends after the jobs posted before, and the interpreter with it if it is its own. Any thread, once.
    void finish(std::function<void()> when_ended);

    // Stops the call that runs, if its number is still `call`. Any thread.
    void abort(std::uint64_t call) {
        if (call != 0 && gate_.running() == call) abort_call(*interpreter_, gate_, call, shared_from_this());
    }
    AbortGate& gate() { return gate_; }

    // The attached thread is about to run a guest.
    void enter_gate(Caller caller) {
        caller_.store(caller, std::memory_order_relaxed);
        gate_.enter(thread_);
    }
    // Of the guest that runs.
    Caller caller() const { return caller_.load(std::memory_order_relaxed); }

    // Lives as long as the executor does. Before anything is posted.
    void keep(std::shared_ptr<void> kept) { kept_ = std::move(kept); }

    // On attached threads, one at a time.
    Interpreter& interpreter() { return *interpreter_; }
    JsonReader& reader() { return reader_; }
    JsonWriter& writer() { return writer_; }
    Guest& guest() { return guest_; }

    // On the executor's own thread, at the end of a call: notes how long it took.
    void measure();
    // Whether what has ended may wait for what comes next before JavaScript's thread, which is on that core, is told.
    bool may_hold(int told_core) const;

    // Of a call, in nanoseconds, the lately seen ones counting most; `kUnknown` before the first. Any thread.
    static constexpr std::int64_t kUnknown = INT64_MAX;
    std::int64_t pace() const { return pace_.load(std::memory_order_relaxed); }
    // Where the thread was last seen to run. Any thread.
    int core() const { return core_.load(std::memory_order_relaxed); }

    // A caller that stays on its own thread takes the executor, between calls of its thread, and gives it back.
    bool lends_thread() const { return can_be_carried() && !interpreter_->keeps_to_thread.load(std::memory_order_relaxed); }
    void attach_caller() { thread_.attach_away(); }
    void detach_caller() { thread_.detach_away(); }

    // Where host calls go while the caller is blocked. On the executor's own thread.
    HostDesk* desk() const { return desk_; }
    void set_desk(HostDesk* desk) { desk_ = desk; }
    // The call that runs now while JavaScript's thread waits for it, or 0. Any thread.
    std::uint64_t running_sync() const { return caller() == Caller::elsewhere ? 0 : gate_.running(); }

    // For values of host calls: a guest that makes one may be in the middle of another. On the thread that runs the guest.
    std::unique_ptr<JsonCodec> take_codec();
    void give_codec(std::unique_ptr<JsonCodec> codec);

    ~Executor();

  private:
    explicit Executor(Kind kind, const StartOptions& options) : kind_(kind), options_(options), reader_(keys_) {}

    using Clock = std::chrono::steady_clock;

    void main();
    bool start_interpreter();
    void end_interpreter();
    void wait();
    void serve();
    bool spin();

    const Kind kind_;
    const StartOptions options_;
    // Kept for ever when the interpreter had to be abandoned with threads in it.
    Interpreter* interpreter_ = nullptr;
    PythonThread thread_;  // with which whoever runs the guest is attached
    std::atomic<Caller> caller_{Caller::elsewhere};
    HostDesk* desk_ = nullptr;
    AbortGate gate_{*this};
    KeyCache keys_;
    JsonReader reader_;
    JsonWriter writer_;
    std::unique_ptr<JsonCodec> codec_;  // while nobody has it
    Guest guest_;
    Failure start_failure_;
    std::shared_ptr<void> kept_;

    // The queue, last job first.
    std::atomic<Job*> posted_{nullptr};
    std::atomic<bool> asleep_{false};
    std::mutex mutex_;
    std::condition_variable woken_;  // `asleep_` has become false
    std::function<void()> when_ended_;  // set before the last job is posted
    std::atomic<int> poster_core_{kNoCore};
    std::atomic<int> core_{kNoCore};
    std::atomic<std::int64_t> pace_{kUnknown};

    // Of the executor's own thread.
    bool finished_ = false;
    std::size_t left_ = 0;  // jobs taken from the queue and not begun
    Clock::time_point since_;  // when the first of these jobs began
    int unmeasured_ = 0;  // jobs whose time is not noted yet
    int spins_ = kBoldest;  // how far looking for jobs, instead of sleeping, is trusted
    static constexpr int kBoldest = 8;
};

}  // namespace pyvm
