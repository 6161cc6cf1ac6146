// Stops Python code that runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "cpython/python_ref.h"

namespace pyvm {

struct Interpreter;
class Executor;
class PythonThread;

// Guards one executor: it knows whether a guest runs in it, and in which call.
//
// To abort, a second thread state of the same interpreter waits for the GIL, which the running thread offers at every
// switch interval. Then, one after the other, each for what the one before did not end:
//
// 1. A coroutine's task is cancelled, as asyncio does, and has its time to clean up. Its loop lives on.
// 2. An exception is raised in the thread, once, in a frame of the guest's or of a package: frames of the standard library may
//    hold locks that outlive a call, and are left to give them back. Where the thread is not met in such a frame, a trace
//    function raises it there.
// 3. Code that catches the exception, or does not end for it, meets it at every event, but for frames of the standard library.
// 4. What never leaves the standard library is stopped there too. Its program is then better loaded anew: `leave` says so.
//
// The trace function passes over other threads, and is gone when the call has ended. Without a GIL a thread cannot be looked at
// while it runs, so exceptions are raised wherever it is; one that is raised in the standard library notes that, and then the
// program is to be loaded anew.
class AbortGate {
  public:
    explicit AbortGate(Executor& executor) : executor_(executor) {}
    Executor& executor() const { return executor_; }
    // The one that the current thread is in, or null: it runs no guest's call.
    static AbortGate* entered();

    // Number of the call that will enter next.
    std::uint64_t next() const { return calls_ + 1; }
    // The attached thread, which carries this Python thread, is about to run a guest.
    void enter(const PythonThread& thread);
    // What an abort has done to a call.
    enum class Left {
        untouched,  // nothing, or its coroutine was cancelled
        stopped,  // exceptions were put into its thread
        disordered,  // in frames of the standard library, too
    };
    // The same thread, still attached, has left the guest. From here on no abort can reach the thread, and none of its traces
    // is left.
    Left leave();
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

    // Of the thread of the call: an exception that was put into it and is not raised yet is gone.
    void heed() const;
    // Attached: until no thread works on the abort of this call.
    void let_aborter_work() const;
    // For that thread: calls `interrupt` if the guest's is outside. False: it is inside.
    bool interrupt_outside();
    bool is_outside();

    static int trace(PyObject* call_aborted, PyFrameObject*, int what, PyObject*);
    // The same, and no further event is traced in this thread.
    static int trace_once(PyObject* call_aborted, PyFrameObject*, int what, PyObject*);
    // Whether the thread of the call, which stands still, is in a frame of the standard library, or of the addon.
    bool in_spared_frame() const;

    Executor& executor_;
    std::atomic<std::uint64_t> state_{0};
    std::atomic<bool> everywhere_{false};  // the call that is being aborted meets its exception at every event, or will
    std::atomic<bool> traces_all_{false};  // the trace function was set for all threads of the interpreter
    std::atomic<bool> anywhere_{false};  // frames of the standard library are not spared any more
    std::atomic<int> aborts_{0};
    std::uint64_t calls_ = 0;  // of the thread that enters
    unsigned long thread_ = 0;  // of the system, which runs the call
    unsigned long identity_ = 0;  // of the Python thread that it carries
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
