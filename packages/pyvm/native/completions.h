// The way back to JavaScript: what other threads have finished, handed over in batches.
#pragma once

#include <napi.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "failure.h"

namespace pyvm {

// Something that a thread of the addon has finished, known to JavaScript by its token; or a line of a guest's output.
struct Completion {
    enum class Kind { text, bytes, done, failure, output };

    Kind kind = Kind::done;
    std::uint32_t token = 0;
    std::string text;
    bool ascii = false;  // of `text`
    Failure failure;
    std::int64_t program = 0;  // of output
    int level = 0;             // of output: 0 debug, 1 info, 2 warn, 3 error
};

// One for each Node environment (the main thread, or a worker). Calls hold on to it; when its environment goes away it
// closes, and swallows what comes in later.
class Completions : public std::enable_shared_from_this<Completions> {
  public:
    // JavaScript's thread. `settle` takes a flat array of token, value, token, value, …; `output` takes program, level, text;
    // `failed` makes an Error from code, name, message and stack.
    Completions(Napi::Env env, Napi::Function settle, Napi::Function output, Napi::Function failed);

    // Any thread. What is posted between two turns of the event loop arrives together.
    void post(Completion completion);

    // JavaScript's thread, from here on.
    // Something has been started that will post its completion: the process stays up until then.
    void expect();
    // Something that was expected will not be waited for any more: its token is settled elsewhere.
    void forget();
    // Hands over what there is, without waiting for the event loop's turn. False when there was nothing.
    bool deliver(Napi::Env env);
    // The same, after looking for something for at most `microseconds`. JavaScript that polls will come back or say that it
    // stops, so meanwhile nothing has to wake the event loop.
    bool poll(Napi::Env env, double microseconds);
    void stop_polling();
    // Whether guests' output waits to be delivered.
    bool has_output();
    Napi::Value error(Napi::Env env, const Failure& failure);
    // The environment ends.
    void close();

  private:
    static void on_wake(napi_env env, napi_value callback, void* context, void* data);
    void wake();
    Napi::Value value_of(Napi::Env env, Completion& completion);
    void settled();

    Napi::FunctionReference settle_;
    Napi::FunctionReference output_;
    Napi::FunctionReference failed_;
    std::ptrdiff_t expected_ = 0;  // below 0 while something forgotten has ended and is not remembered yet

    std::mutex mutex_;  // guards what follows
    napi_threadsafe_function wake_ = nullptr;
    std::vector<Completion> waiting_;
    std::atomic<bool> some_wait_{false};
    bool polled_ = false;
    bool woken_ = false;  // a turn of the event loop is asked for
    bool output_waits_ = false;
    bool closed_ = false;
};

}  // namespace pyvm
