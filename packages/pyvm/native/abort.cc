#include "abort.h"

#include <chrono>
#include <thread>

#include "executor.h"
#include "failure.h"
#include "interpreter.h"
#include "thread.h"

namespace pyvm {

namespace {

constexpr std::uint64_t kPhases = 3;

// How long an exception has to end the call before harder means are used, and how often that is looked at.
constexpr auto kPatience = std::chrono::milliseconds(8);
constexpr auto kLook = std::chrono::microseconds(500);
// How often while the thread is outside Python, which may take its time.
constexpr auto kRareLook = std::chrono::milliseconds(5);

// Whether a frame is importlib's own. It holds locks of the whole interpreter that it must be left to release; it never
// runs for long without running a frame of somebody else.
bool belongs_to_import_system(PyFrameObject* frame) {
    Ref code = Ref::steal(py.PyFrame_GetCode(frame));
    Ref filename = Ref::steal(py.PyObject_GetAttrString(code.get(), "co_filename"));
    if (!filename) py.PyErr_Clear();
    return text_of(filename.get()).starts_with("<frozen importlib");
}

// The gate that the current thread has entered.
thread_local AbortGate* the_entered = nullptr;

// `_trace(exception)` of the bootstrap.
PyObject* trace_function(PyObject*, PyObject* args) {
    if (the_entered != nullptr) the_entered->raise_always(py.PyTuple_GetItem(args, 0));
    py.Py_IncRef(py._Py_NoneStruct);
    return py._Py_NoneStruct;
}

PyMethodDef trace_method = {"_trace", trace_function, kMethodVarArgs, nullptr};

}  // namespace

AbortGate* AbortGate::entered() { return the_entered; }

void AbortGate::enter(PyThreadState* thread_state) {
    // A thread state belongs to one thread.
    if (thread_state_ != thread_state) thread_ = py.PyThread_get_thread_ident();
    thread_state_ = thread_state;
    the_entered = this;
    calls_++;
    state_.store(calls_ << 2 | inside);
}

std::uint64_t AbortGate::running() const {
    std::uint64_t state = state_.load();
    return (state & kPhases) == idle ? 0 : state >> 2;
}

void AbortGate::wait_for_aborts() const {
    while (aborts_.load() > 0) std::this_thread::sleep_for(kLook);
}

bool AbortGate::leave() {
    std::uint64_t expected = calls_ << 2 | inside;
    bool ended = state_.compare_exchange_strong(expected, calls_ << 2 | idle);
    if (ended) {
        the_entered = nullptr;
        return false;
    }
    // Where there is no GIL to keep it away, an aborter may begin anew until the state says that the call has ended.
    do {
        let_aborter_work();
        expected = calls_ << 2 | aborted;
    } while (!state_.compare_exchange_strong(expected, calls_ << 2 | idle));
    the_entered = nullptr;
    py.PyEval_SetTrace(nullptr, nullptr);
    py.PyThreadState_SetAsyncExc(thread_, nullptr);
    if (py.PyErr_Occurred() != nullptr) py.PyErr_Clear();
    everywhere_.store(false);
    return true;
}

void AbortGate::let_aborter_work() const {
    while (state_.load() == (calls_ << 2 | aborting)) {
        // It needs this thread to stand still, and its GIL.
        PyThreadState* self = py.PyEval_SaveThread();
        std::this_thread::yield();
        py.PyEval_RestoreThread(self);
    }
}

bool AbortGate::go_outside(std::function<void()> interrupt) {
    {
        std::scoped_lock lock(mutex_);
        outside_ = true;
        interrupt_ = std::move(interrupt);
    }
    // The aborter says so first and then looks whether the thread is outside; so one of the two sees the other.
    return (state_.load() & kPhases) == inside;
}

bool AbortGate::come_back() {
    {
        std::scoped_lock lock(mutex_);
        outside_ = false;
        interrupt_ = nullptr;
    }
    // Guests that ran on this thread meanwhile had gates of their own.
    the_entered = this;
    if ((state_.load() & kPhases) == inside) return true;
    let_aborter_work();
    // It may have put its exception into the thread just before that went outside: once is enough.
    py.PyThreadState_SetAsyncExc(thread_, nullptr);
    PyObject* call_aborted = executor_.interpreter().support.call_aborted.get();
    if (everywhere_.load()) raise_always(call_aborted);
    py.PyErr_SetNone(call_aborted);
    return false;
}

bool AbortGate::interrupt_outside() {
    std::scoped_lock lock(mutex_);
    if (outside_ && interrupt_) interrupt_();
    return outside_;
}

int AbortGate::trace(PyObject* call_aborted, PyFrameObject* frame, int, PyObject*) {
    if (the_entered == nullptr) return 0;
    if ((the_entered->state_.load() & kPhases) < aborting) return 0;
    if (belongs_to_import_system(frame)) return 0;
    py.PyErr_SetNone(call_aborted);
    return -1;
}

void AbortGate::raise_always(PyObject* call_aborted) {
    if ((state_.load() & kPhases) >= aborting) py.PyEval_SetTrace(trace, call_aborted);
}

Ref make_trace_function() { return Ref::steal(py.PyCFunction_NewEx(&trace_method, nullptr, nullptr)); }

class Aborter {
  public:
    Aborter(const Interpreter& interpreter, AbortGate& gate, std::uint64_t call)
        : interpreter_(interpreter), gate_(gate), call_(call) {}

    void run() {
        if (!act(AbortGate::inside, &Aborter::interrupt)) return;
        // An exception that the guest's own handlers may see leaves its locks and files in order. Only what does not heed
        // it is stopped without regard to them.
        auto until = std::chrono::steady_clock::now() + kPatience;
        while (gate_.running() == call_ && !gate_.everywhere_.load()) {
            bool outside = gate_.interrupt_outside();
            auto now = std::chrono::steady_clock::now();
            if (outside) {
                until = now + kPatience;
            } else if (now >= until) {
                act(AbortGate::aborted, &Aborter::raise_everywhere);
                continue;
            }
            std::this_thread::sleep_for(outside ? kRareLook : kLook);
        }
    }

  private:
    // Does something to the thread that runs the call, if that is still in this phase.
    bool act(AbortGate::Phase phase, void (Aborter::*action)()) {
        PyThreadState* self = py.PyThreadState_New(interpreter_.state);
        py.PyEval_RestoreThread(self);
        std::uint64_t expected = call_ << 2 | phase;
        bool runs = gate_.state_.compare_exchange_strong(expected, call_ << 2 | AbortGate::aborting);
        if (runs) {
            (this->*action)();
            gate_.state_.store(call_ << 2 | AbortGate::aborted);
        }
        py.PyThreadState_Clear(self);
        py.PyThreadState_DeleteCurrent();
        return runs;
    }

    void interrupt() {
        if (!gate_.interrupt_outside()) {
            py.PyThreadState_SetAsyncExc(gate_.thread_, interpreter_.support.call_aborted.get());
        }
        wake();
    }

    // An event loop that waits notices the exception. The first one may have hit the loop's own code, which logs it and
    // waits again, for a step that is lost: so it is woken each time.
    void wake() {
        Ref thread = Ref::steal(py.PyLong_FromLongLong(static_cast<long long>(gate_.thread_)));
        Ref woken = Ref::steal(py.PyObject_CallOneArg(interpreter_.support.wake.get(), thread.get()));
        if (!woken) py.PyErr_Clear();
    }

    // The second exception's own making, in the thread concerned, sets the trace function of that thread. 3.11 makes
    // exceptions later than it raises them, but lets another thread set it.
    void raise_everywhere() {
        if (gate_.interrupt_outside()) return;
        gate_.everywhere_.store(true);
        if (py.PyEval_SetTraceAllThreads == nullptr && py._PyEval_SetTrace != nullptr) {
            py._PyEval_SetTrace(gate_.thread_state_, AbortGate::trace, interpreter_.support.call_aborted.get());
        }
        py.PyThreadState_SetAsyncExc(gate_.thread_, interpreter_.support.call_stopped.get());
        wake();
    }

    const Interpreter& interpreter_;
    AbortGate& gate_;
    const std::uint64_t call_;
};

void abort_call(const Interpreter& interpreter, AbortGate& gate, std::uint64_t call, std::shared_ptr<void> keep) {
    if (call == 0) return;
    gate.aborts_++;
    bool started = start_thread([&interpreter, &gate, call, keep = std::move(keep)] {
        Aborter(interpreter, gate, call).run();
        gate.aborts_--;
    });
    if (!started) gate.aborts_--;
}

}  // namespace pyvm
