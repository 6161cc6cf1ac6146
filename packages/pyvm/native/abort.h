// Stops Python code that runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "python_ref.h"

namespace pyvm {

struct Interpreter;
class Executor;

// Guards one executor: it knows whether a guest runs in it, and in which call.
//
// To abort, a second thread state of the same interpreter waits for the GIL, which the running thread offers at every
// switch interval, and puts an exception into that thread. Code that catches it, or does not end for it, is sent another
// one a few milliseconds later, which brings a trace function that raises at every event of that thread until the call has
// ended. Other threads are never traced.
class AbortGate {
  public:
    explicit AbortGate(Executor& executor) : executor_(executor) {}
    Executor& executor() const { return executor_; }
    // The one that the current thread is in, or null: it runs no guest's call.
    static AbortGate* entered();

    // Number of the call that will enter next.
    std::uint64_t next() const { return calls_ + 1; }
    // The attached thread, by the thread state that it is attached with, is about to run a guest.
    void enter(PyThreadState* thread_state);
    // The same thread, still attached, has left the guest. True if the call was aborted; from here on no abort can
    // reach the thread, and none of its traces is left.
    bool leave();
    // The call that runs now, or 0.
    std::uint64_t running() const;
    // The guest's thread, attached, is about to wait for something outside Python. False: the call is being aborted, so it
    // must not. An abort that comes while it is outside calls `interrupt`, on another thread; nothing is put into the
    // thread then. `come_back` must follow in any case.
    bool go_outside(std::function<void()> interrupt);
    // It is back, and attached. False: the call was aborted, and that exception is pending.
    bool come_back();
    // Waits until no thread works on an abort any more, so that the interpreter can end. Detached threads only.
    void wait_for_aborts() const;
    // The thread that has entered wants this exception raised at every event of its own, for as long as it is being aborted.
    void raise_always(PyObject* call_aborted);

  private:
    friend class Aborter;
    friend void abort_call(const Interpreter&, AbortGate&, std::uint64_t, std::shared_ptr<void>);
    // The lowest two bits of the state; the rest is the number of the call.
    enum Phase : std::uint64_t { idle = 0, inside = 1, aborting = 2, aborted = 3 };

    // Attached: until no thread works on the abort of this call.
    void let_aborter_work() const;
    // For that thread: calls `interrupt` if the guest's is outside. False: it is inside.
    bool interrupt_outside();

    static int trace(PyObject* call_aborted, PyFrameObject*, int what, PyObject*);

    Executor& executor_;
    std::atomic<std::uint64_t> state_{0};
    std::atomic<bool> everywhere_{false};  // the call that is being aborted meets its exception at every event, or will
    std::atomic<int> aborts_{0};
    std::uint64_t calls_ = 0;  // of the thread that enters
    unsigned long thread_ = 0;
    PyThreadState* thread_state_ = nullptr;

    std::mutex mutex_;  // guards what follows
    bool outside_ = false;
    std::function<void()> interrupt_;
};

// The function `_trace(exception)` of the bootstrap, by which the second exception brings the trace function.
Ref make_trace_function();

// Aborts a call, on a thread of its own since it may have to wait as long as C code keeps the GIL. Does nothing if that
// call has ended by then. `keep` is held meanwhile.
void abort_call(const Interpreter& interpreter, AbortGate& gate, std::uint64_t call, std::shared_ptr<void> keep);

}  // namespace pyvm
