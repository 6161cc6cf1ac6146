// One loaded copy of a program, as JavaScript holds it.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "api/call_job.h"
#include "api/program.h"
#include "bridge/completions.h"

namespace pyvm {

struct Environment;

// Used on the thread of its Node environment only. It may have many asynchronous calls, which run one after the other; and
// while it has none, a synchronous one.
class Instance {
  public:
    // Whose it is; set by addon.cc.
    Environment* environment = nullptr;

    // Null when the system has no thread left. The load ends with the completion of `token`.
    static std::unique_ptr<Instance> load(Executor::Kind kind, ProgramSource source, std::uint32_t token,
                                          std::shared_ptr<Completions> completions);

    // True: `wake` must be called before JavaScript's turn ends, since the executor sleeps.
    bool invoke(std::uint32_t token, std::size_t function, std::string_view payload);
    // The same for the rest of a call that `invoke_sync` left as a coroutine.
    bool await_coroutine(std::uint32_t token, Ref coroutine);
    void wake();
    // Takes a call back before its turn. False: it runs, or has ended.
    bool withdraw(std::uint32_t token);
    // A call's end has been told.
    void ended(CallJob& job);
    std::size_t calls() const { return calls_.size(); }
    // Whether it is in the environment's list of those with calls, which keeps this.
    bool listed = false;
    // Where JavaScript reads the nanoseconds that calls lately took; it belongs to JavaScript.
    void show_pace(double* pace) { pace_ = pace; }
    // Nanoseconds until its calls will have ended, by the pace of those before; kUnknown where there were none.
    std::int64_t work() const;
    int core() const { return closed() ? kNoCore : executor_->core(); }

    // Calls on the calling thread; `milliseconds` may be infinite. True: `result` is filled and given back by
    // `done_with_result`, or the call has left a coroutine in `coroutine`. Where the stack is too small for Python, its own
    // thread makes the call while this one waits.
    struct Result {
        const char* data;
        std::size_t size;
        bool ascii;
    };
    bool invoke_sync(std::size_t function, std::string_view payload, double milliseconds, Result& result, Failure& failure,
                     Ref* coroutine = nullptr);
    void done_with_result() { executor_->writer().trim(); }

    // Stops the call of that token if it runs; or the load, for the token of that.
    void abort(std::uint32_t token);
    // Ends the executor; `when_ended` is called on its thread. Once; no call runs.
    void close(std::function<void()> when_ended);
    // The environment ends: whatever runs is aborted, nothing is waited for.
    void drop();

    bool closed() const { return executor_ == nullptr; }

  private:
    Instance(std::shared_ptr<Executor> executor, std::shared_ptr<Completions> completions, std::int64_t program)
        : executor_(std::move(executor)), completions_(std::move(completions)), program_(program) {}

    bool send(std::unique_ptr<CallJob> job);
    std::deque<CallJob*>::iterator find(std::uint32_t token);
    void leave_calls();
    void renew_cancellation();

    std::shared_ptr<Executor> executor_;
    std::shared_ptr<Completions> completions_;
    std::int64_t program_;
    // Of the load, or of the synchronous call.
    std::shared_ptr<Cancellation> cancellation_ = std::make_shared<Cancellation>();
    // In the order in which they run.
    std::deque<CallJob*> calls_;
    double* pace_ = nullptr;
    // Calls that the executor has slept through.
    std::size_t unnoticed_ = 0;
};

}  // namespace pyvm
