// One call of a guest's function, from JSON text to JSON text.
#pragma once

#include <atomic>
#include <memory>
#include <string_view>

#include "executor/executor.h"

namespace pyvm {

// What may stop a call before and while it runs; shared with the thread that wants it stopped.
struct Cancellation {
    std::atomic<bool> requested{false};
    // Its number at the executor's gate, once it has entered that.
    std::atomic<std::uint64_t> number{0};

    // Stops it, and nothing else that the executor runs. Any thread.
    void request(Executor& executor) {
        requested.store(true);
        executor.abort(number.load());
    }
};

// Calls function number `function` of the executor's guest on the attached thread. True: the result is in the executor's
// writer. False: `failure` says why. `payload` ends with a NUL and kTextPadding bytes that may be read.
// A coroutine is awaited for a caller elsewhere; for others it is left in `coroutine`, or refused where that is null.
bool run_call(Executor& executor, std::size_t function, std::string_view payload, Caller caller, Cancellation& cancellation,
              Failure& failure, Ref* coroutine = nullptr);
// The rest of a call that left a coroutine, for a caller elsewhere.
bool await_coroutine(Executor& executor, Ref coroutine, Cancellation& cancellation, Failure& failure);

// What a stopped call fails with. Its caller has been answered already, unless it waits on its own thread.
Failure stopped();

// After a call that was stopped by exceptions, on its thread: puts in order what those may have left behind. True: the program
// is better loaded anew.
bool recover(const Interpreter& interpreter);

}  // namespace pyvm
