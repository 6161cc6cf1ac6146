// The way back to JavaScript: what other threads have finished, handed over in batches.
#pragma once

#include <napi.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "bridge/host_calls.h"
#include "interpreter/failure.h"
#include "platform/thread.h"

namespace pyvm {

// Lets JavaScript throw what a function of it threw. In an environment that is being ended nothing can be thrown any more.
void rethrow(napi_env env, const Napi::Error& error) noexcept;

// Something that a thread of the addon has finished, known to JavaScript by its token; or a line of a guest's output, or a
// call of a host function.
struct Completion {
    enum class Kind { text, bytes, done, failure, output, host_call };

    virtual ~Completion() = default;
    // It has been told, on JavaScript's thread.
    virtual void told() { delete this; }

    Kind kind = Kind::done;
    std::uint32_t token = 0;
    std::string text;
    bool ascii = false;  // of `text`
    Failure failure;
    std::int64_t program = 0;  // of output
    int level = 0;             // of output: 0 debug, 1 info, 2 warn, 3 error
    bool of_call = false;      // of output: the thread that printed it runs a call
    std::shared_ptr<std::atomic<bool>> heard;  // of output that its thread waits for: JavaScript has it
    std::shared_ptr<HostCall> host_call;
    Completion* next = nullptr;  // among those that wait
};

// One for each Node environment (the main thread, or a worker). Calls hold on to it; when its environment goes away it
// closes, and swallows what comes in later.
class Completions : public std::enable_shared_from_this<Completions> {
  public:
    // JavaScript's thread. `settle` takes token, value, token, value, …; `output` takes program, level, text, whether it is of
    // a call; `failed` makes an Error from code, name, message, stack, whether the program is in disorder, and extras. The
    // other two are those of HostCalls.
    Completions(Napi::Env env, Napi::Function settle, Napi::Function output, Napi::Function failed, Napi::Function ask,
                Napi::Function ask_now);

    // Any thread. What is posted between two turns of the event loop arrives together. With `hold` the event loop is not
    // woken: more is about to follow, or JavaScript looks by itself.
    void post(std::unique_ptr<Completion> completion, bool hold = false);
    // Posts a line, and waits until JavaScript has it: for a second at the most. On JavaScript's own thread it has it at once.
    // The thread must be attached to an interpreter, and is not meanwhile.
    void hand_over(std::unique_ptr<Completion> line);
    // What was held back is to be told now.
    void nudge() {
        if (!polled_.load()) wake();
    }
    // Has a host function called: JavaScript is told at once. False: the program, or the environment, is being closed.
    bool ask(const std::shared_ptr<HostCall>& call);
    HostCalls& host_calls() { return host_calls_; }
    // Where JavaScript's thread was last seen to run.
    int core() const { return core_.load(std::memory_order_relaxed); }

    // JavaScript's thread, from here on.
    // Whether its stack is large enough to run any Python on it.
    bool stack_serves() const { return stack_serves_; }
    // Something has been started that will post its completion: the process stays up until then.
    void expect();
    // Something that was expected will not be waited for any more: its token is settled elsewhere.
    void forget();
    // Hands over what there is, without waiting for the event loop's turn. False when there was nothing.
    bool deliver(Napi::Env env);
    // The same in the middle of what the host does: its functions are called in the event loop's next turn.
    void deliver_within(Napi::Env env);
    // The same for a caller that waits for its guest, which waits to be heard. What a listener throws there is dropped.
    void deliver_lines();
    // JavaScript will look by itself, so meanwhile nothing has to wake the event loop.
    void look_soon() {
        polled_.store(true, std::memory_order_relaxed);
        core_.store(current_core(), std::memory_order_relaxed);
    }
    // Looks for at most `microseconds`, and hands over what there is. `core` is where it is being made.
    bool look(Napi::Env env, double microseconds, int core);
    // JavaScript will look no more. Hands over what has come in the meantime.
    bool stop_looking(Napi::Env env);
    // Whether guests' output waits to be delivered.
    bool has_output() const { return output_waits_.load(); }
    Napi::Value error(Napi::Env env, const Failure& failure);
    // The environment ends.
    void close();

  private:
    static void on_wake(napi_env env, napi_value callback, void* context, void* data);
    void wake();
    void swallow();
    bool settle(Napi::Env env);
    void say(Napi::Env env, const Completion& line);
    Napi::Value value_of(Napi::Env env, Completion& completion);
    void settled();

    Napi::FunctionReference settle_;
    Napi::FunctionReference output_;
    Napi::FunctionReference failed_;
    HostCalls host_calls_;
    // Those that are to be told, in the order in which they came.
    std::deque<std::shared_ptr<HostCall>> asked_;
    const bool stack_serves_ = stack_serves_python();
    const std::thread::id thread_ = std::this_thread::get_id();
    std::ptrdiff_t expected_ = 0;  // below 0 while something forgotten has ended and is not remembered yet

    std::atomic<Completion*> waiting_{nullptr};  // last one first
    std::atomic<bool> polled_{false};
    std::atomic<bool> output_waits_{false};
    std::atomic<int> core_{kNoCore};

    std::mutex mutex_;  // guards what follows
    napi_threadsafe_function wake_ = nullptr;
    bool woken_ = false;  // a turn of the event loop is asked for
    std::atomic<bool> closed_{false};
};

}  // namespace pyvm
