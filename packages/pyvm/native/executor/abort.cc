#include "executor/abort.h"

#include <chrono>
#include <thread>

#include "cpython/python_thread.h"
#include "executor/executor.h"
#include "interpreter/bootstrap.h"
#include "interpreter/failure.h"
#include "interpreter/interpreter.h"
#include "platform/thread.h"

namespace pyvm {

namespace {

constexpr std::uint64_t kPhases = 3;

// How long an exception has to end the call before harder means are used, and how often that is looked at.
constexpr auto kPatience = std::chrono::milliseconds(8);
constexpr auto kLook = std::chrono::microseconds(500);
// Looks in which a coroutine has to end after it was cancelled: some 150 ms, and longer where neither thread gets a processor.
constexpr int kCancelLooks = 300;
// How long frames of the standard library are left to end by themselves.
constexpr auto kForbearance = std::chrono::milliseconds(100);
constexpr auto kLongForbearance = std::chrono::milliseconds(500);
// Then it takes its time: it waits for something in C, or its processor is somebody else's.
constexpr int kManyLooks = 200;
constexpr auto kRareLook = std::chrono::milliseconds(5);

// Empty where that is not to be known.
std::string file_of(PyFrameObject* frame) {
    if (py.PyFrame_GetCode == nullptr) return {};
    Ref code = Ref::steal(py.PyFrame_GetCode(frame));
    Ref filename = Ref::steal(py.PyObject_GetAttrString(code.get(), "co_filename"));
    if (!filename) py.PyErr_Clear();
    return text_of(filename.get());
}

// Importlib's own frames hold locks of the whole interpreter; they never run for long without running a frame of somebody else.
bool belongs_to_import_system(const std::string& file) { return file.starts_with("<frozen importlib"); }

// What is installed lies below the standard library, and is none of it.
bool belongs_to_standard_library(const Interpreter& interpreter, const std::string& file) {
    const std::string& folder = interpreter.support.standard_library;
    if (file.starts_with("<frozen ")) return true;
    return !folder.empty() && file.starts_with(folder) && file.find("-packages/", folder.size()) == std::string::npos;
}

// The gate that the current thread has entered.
PYVM_HOT_THREAD_LOCAL AbortGate* the_entered = nullptr;

// `_trace(exception)` of the bootstrap.
PyObject* trace_function(PyObject*, PyObject* args) {
    if (the_entered != nullptr) the_entered->raise_always(py.PyTuple_GetItem(args, 0));
    add_reference(py._Py_NoneStruct);
    return py._Py_NoneStruct;
}

PyMethodDef trace_method = {"_trace", trace_function, kMethodVarArgs, nullptr};

}  // namespace

AbortGate* AbortGate::entered() { return the_entered; }

void AbortGate::enter(const PythonThread& thread) {
    thread_ = thread.carrier();
    identity_ = thread.identity();
    thread_state_ = thread.state();
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

AbortGate::Left AbortGate::leave() {
    for (;;) {
        std::uint64_t expected = calls_ << 2 | inside;
        if (state_.compare_exchange_strong(expected, calls_ << 2 | idle)) {
            the_entered = nullptr;
            return Left::untouched;
        }
        expected = calls_ << 2 | aborted;
        if (state_.compare_exchange_strong(expected, calls_ << 2 | idle)) break;
        // Where there is no GIL to keep it away, an aborter may begin anew until the state says that the call has ended.
        let_aborter_work();
    }
    the_entered = nullptr;
    if (traces_all_.exchange(false)) {
        py.PyEval_SetTraceAllThreads(nullptr, nullptr);
    } else if (py.PyEval_SetTrace != nullptr) {
        py.PyEval_SetTrace(nullptr, nullptr);
    }
    heed();
    if (py.PyErr_Occurred() != nullptr) py.PyErr_Clear();
    everywhere_.store(false);
    return anywhere_.exchange(false) ? Left::disordered : Left::stopped;
}

void AbortGate::heed() const {
    if (py.PyThreadState_GetUnchecked != nullptr) {
        py.PyThreadState_SetAsyncExc(identity_, nullptr);
        return;
    }
    // Before 3.13 taking an exception back leaves it announced, to all threads of the interpreter and until the next one is
    // raised; and 3.11 runs in a circle where a thread that is traced calls a function then.
    if (py.PyErr_Occurred() != nullptr) py.PyErr_Clear();
    if (!Ref::steal(py.PyObject_CallObject(executor_.interpreter().support.heed.get(), nullptr))) py.PyErr_Clear();
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
    heed();
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

bool AbortGate::is_outside() {
    std::scoped_lock lock(mutex_);
    return outside_;
}

int AbortGate::trace(PyObject* call_aborted, PyFrameObject* frame, int, PyObject*) {
    if (the_entered == nullptr) return 0;
    if ((the_entered->state_.load() & kPhases) < aborting) return 0;
    std::string file = file_of(frame);
    // And of our own making are exceptions.
    if (belongs_to_import_system(file) || file == kBootstrapFile) return 0;
    const Interpreter& interpreter = the_entered->executor_.interpreter();
    if (!the_entered->anywhere_.load() && belongs_to_standard_library(interpreter, file)) return 0;
    py.PyErr_SetNone(call_aborted);
    return -1;
}

int AbortGate::trace_once(PyObject* call_aborted, PyFrameObject* frame, int what, PyObject* argument) {
    int raised = trace(call_aborted, frame, what, argument);
    // Setting it would clear the exception.
    if (raised != 0 && py.PyEval_SetTrace != nullptr) {
        py.PyEval_SetTrace(nullptr, nullptr);
        py.PyErr_SetNone(call_aborted);
    }
    return raised;
}

bool AbortGate::in_spared_frame() const {
    if (py.without_gil || py.PyThreadState_GetFrame == nullptr) return false;
    Ref frame = Ref::steal(reinterpret_cast<PyObject*>(py.PyThreadState_GetFrame(thread_state_)));
    if (!frame) return false;
    std::string file = file_of(reinterpret_cast<PyFrameObject*>(frame.get()));
    // The addon's own frames are the library's, too: it calls them to start a thread, with locks held.
    return file == kBootstrapFile || belongs_to_standard_library(executor_.interpreter(), file);
}

void AbortGate::raise_always(PyObject* call_aborted) {
    if ((state_.load() & kPhases) >= aborting && py.PyEval_SetTrace != nullptr) py.PyEval_SetTrace(trace, call_aborted);
}

Ref make_trace_function() { return Ref::steal(py.PyCFunction_NewEx(&trace_method, nullptr, nullptr)); }

class Aborter {
  public:
    Aborter(const Interpreter& interpreter, AbortGate& gate, std::uint64_t call)
        : interpreter_(interpreter), gate_(gate), call_(call) {}

    void run() {
        if (act(AbortGate::inside, &Aborter::cancel) == Outcome::done && await_cancelled()) return;
        // An exception that the guest's own handlers may see leaves its locks and files in order. Only what does not heed
        // it is stopped without regard to them.
        if (!interrupt_soon() || wait(kPatience)) return;
        Clock::duration since = thread_time(gate_.thread_);
        while (thread_time(gate_.thread_) - since < (traces_surely() ? kForbearance : kLongForbearance)) {
            if (act(AbortGate::aborted, &Aborter::raise_everywhere) == Outcome::ended) return;
            if (wait(traces_surely() ? kPatience : kLook)) return;
        }
        gate_.anywhere_.store(true);
        act(AbortGate::aborted, &Aborter::raise_everywhere);
    }

  private:
    using Clock = std::chrono::steady_clock;
    // `not_yet`: it may be done a moment later.
    enum class Outcome { done, not_yet, nothing, ended };

    // Until the call has ended, which is told by true, or its thread has run for so long. Time outside Python does not count.
    bool wait(Clock::duration time) {
        Clock::duration since = thread_time(gate_.thread_);
        for (int looks = 0; gate_.running() == call_; looks++) {
            Clock::duration now = thread_time(gate_.thread_);
            if (gate_.interrupt_outside()) since = now;
            if (now - since >= time) return false;
            std::this_thread::sleep_for(looks < kManyLooks ? kLook : kRareLook);
        }
        return true;
    }

    bool await_cancelled() const {
        for (int looks = 0; gate_.running() == call_; looks++) {
            if (looks >= kCancelLooks) return false;
            std::this_thread::sleep_for(kLook);
        }
        return true;
    }

    // Whether a trace function that another thread sets is called at the next event. In 3.11 it may miss loops of one line, so
    // that the thread has to be met in the right frame.
    static bool traces_surely() { return py.PyEval_SetTraceAllThreads != nullptr; }

    // False: the call has ended.
    bool interrupt_soon() {
        Clock::duration since = thread_time(gate_.thread_);
        for (int looks = 0;; looks++) {
            Outcome outcome = act(AbortGate::inside, &Aborter::interrupt);
            if (outcome != Outcome::not_yet) return outcome == Outcome::done;
            if (thread_time(gate_.thread_) - since >= kPatience)
                return act(AbortGate::inside, &Aborter::interrupt_by_trace) == Outcome::done;
            std::this_thread::sleep_for(looks < kManyLooks ? kLook : kRareLook);
        }
    }

    // Does something to the thread that runs the call, if that is still in this phase.
    Outcome act(AbortGate::Phase phase, Outcome (Aborter::*action)()) {
        PyThreadState* self = py.PyThreadState_New(interpreter_.state);
        py.PyEval_RestoreThread(self);
        std::uint64_t expected = call_ << 2 | phase;
        Outcome outcome = Outcome::ended;
        if (gate_.state_.compare_exchange_strong(expected, call_ << 2 | AbortGate::aborting)) {
            outcome = (this->*action)();
            bool raised = outcome == Outcome::done && action != &Aborter::cancel;
            gate_.state_.store(call_ << 2 | (raised ? AbortGate::aborted : phase));
        }
        py.PyThreadState_Clear(self);
        py.PyThreadState_DeleteCurrent();
        return outcome;
    }

    Outcome cancel() {
        if (gate_.is_outside()) return Outcome::nothing;  // and holds the loop
        return is_true(tell(interpreter_.support.cancel)) ? Outcome::done : Outcome::nothing;
    }

    Outcome interrupt() {
        // A loop that waits is in the standard library, and ends by being told to.
        bool loop_stops = is_true(tell(interpreter_.support.stop));
        if (gate_.interrupt_outside()) return Outcome::done;
        if (gate_.in_spared_frame()) return loop_stops ? Outcome::done : Outcome::not_yet;
        py.PyThreadState_SetAsyncExc(gate_.identity_, interpreter_.support.call_aborted.get());
        return Outcome::done;
    }

    Outcome interrupt_by_trace() {
        if (!gate_.interrupt_outside()) set_trace(AbortGate::trace_once);
        return Outcome::done;
    }

    Outcome raise_everywhere() {
        tell(interpreter_.support.stop);
        if (gate_.interrupt_outside()) return Outcome::done;
        gate_.everywhere_.store(true);
        if (!py.without_gil) set_trace(AbortGate::trace);
        // Its own making, in the thread concerned, sets the trace function of that thread.
        bool wants_both = !traces_surely() && (gate_.anywhere_.load() || !gate_.in_spared_frame());
        if (py.without_gil || wants_both)
            py.PyThreadState_SetAsyncExc(gate_.identity_, interpreter_.support.call_stopped.get());
        return Outcome::done;
    }

    // Of the thread that runs the call, which stands still. From 3.12 on it can only be set for all threads of an interpreter.
    void set_trace(PyTraceFunction function) {
        PyObject* call_aborted = interpreter_.support.call_aborted.get();
        if (py.PyEval_SetTraceAllThreads != nullptr) {
            gate_.traces_all_.store(true);
            py.PyEval_SetTraceAllThreads(function, call_aborted);
        } else if (py._PyEval_SetTrace != nullptr) {
            py._PyEval_SetTrace(gate_.thread_state_, function, call_aborted);
        }
    }

    static bool is_true(const Ref& value) { return value && py.PyObject_IsTrue(value.get()) == 1; }

    // Calls a function of the Python half with the thread of the call.
    Ref tell(const Ref& function) {
        Ref thread = Ref::steal(py.PyLong_FromLongLong(static_cast<long long>(gate_.identity_)));
        Ref told = Ref::steal(py.PyObject_CallOneArg(function.get(), thread.get()));
        if (!told) py.PyErr_Clear();
        return told;
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
