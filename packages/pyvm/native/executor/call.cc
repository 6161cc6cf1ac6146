#include "executor/call.h"

#include <algorithm>

#include "bridge/home.h"
#include "bridge/output.h"

namespace pyvm {

namespace {

Failure refused(Executor& executor, const char* code, const char* what) {
    Failure failure = take_exception(executor.interpreter(), code);
    failure.message = std::string(what) + ": " + failure.name + ": " + failure.message;
    failure.name.clear();
    failure.stack.clear();
    failure.extras.clear();
    return failure;
}

bool is_coroutine(PyObject* value) { return type_of(value) == py.PyCoro_Type; }

Ref await(Executor& executor, const Ref& coroutine) {
    return Ref::steal(py.PyObject_CallOneArg(executor.interpreter().support.run.get(), coroutine.get()));
}

void refuse_coroutine(const Ref& coroutine, Failure& failure) {
    Ref close = Ref::steal(py.PyObject_GetAttrString(coroutine.get(), "close"));
    if (close) Ref::steal(py.PyObject_CallObject(close.get(), nullptr));
    py.PyErr_Clear();
    failure = fail("ERR_EXT_UNSUPPORTED",
                   "the function is an `async def`, whose answer cannot be waited for on the calling "
                   "thread: use invoke");
}

Failure no_text(Executor& executor, const Ref& result) {
    if (!result) return take_exception(executor.interpreter());
    if (!executor.writer().over()) return refused(executor, "ERR_EXT_BAD_RESULT", "the result cannot be said in JSON");
    std::size_t most = executor.guest().bounds.result;
    std::string bytes = std::to_string(std::max(executor.writer().size(), most + 1));
    executor.writer().trim();
    return fail("ERR_EXT_BAD_RESULT", "the result has " + bytes + " bytes or more, and limits.resultBytes is " +
                                          std::to_string(most) + ": make it shorter, or have the host raise that limit");
}

// What fails fills `failure`, which is empty before: a Failure to hand around costs every call as much as a dict does.
void write(Executor& executor, const Ref& result, Failure& failure) {
    const Guest& guest = executor.guest();
    if (!result || !to_json(executor.interpreter(), executor.writer(), result.get(), guest.bounds.result, guest.json))
        failure = no_text(executor, result);
}

void run(Executor& executor, std::size_t function, std::string_view payload, Caller caller, Failure& failure, Ref* coroutine) {
    Ref argument = from_json(executor.interpreter(), executor.reader(), payload);
    if (!argument) {
        failure = refused(executor, "ERR_EXT_BAD_PAYLOAD", "the payload is not JSON");
        return;
    }
    Ref result = Ref::steal(py.PyObject_CallOneArg(executor.guest().functions[function].get(), argument.get()));
    if (!result || !is_coroutine(result.get())) return write(executor, result, failure);
    if (caller == Caller::elsewhere) return write(executor, await(executor, result), failure);
    if (coroutine == nullptr) return refuse_coroutine(result, failure);
    *coroutine = std::move(result);
}

// Runs `body`, which may fill `failure`, as one call that may be stopped.
template <typename Body>
bool run_stoppable(Executor& executor, Caller caller, Cancellation& cancellation, Failure& failure, Body body) {
    Interpreter& interpreter = executor.interpreter();
    if (!interpreter.own_gil) set_current_program(executor.guest().program);
    if (interpreter.prints.load(std::memory_order_relaxed)) executor.guest().output->renew();
    bool spoke = set_speaks_for_call(true);
    cancellation.number.store(executor.gate().next(), std::memory_order_release);
    executor.enter_gate(caller);
    // Asked for before that: then it is seen here; asked for later, the number is found.
    if (!cancellation.requested.load()) body();
    AbortGate::Left left = executor.gate().leave();
    bool spent = left != AbortGate::Left::untouched && recover(interpreter);
    if (interpreter.prints.load(std::memory_order_relaxed)) flush_output();
    set_speaks_for_call(spoke);
    if (left != AbortGate::Left::untouched || cancellation.requested.load()) {
        failure = stopped();
        failure.spent = spent || left == AbortGate::Left::disordered;
    }
    return !failure;
}

}  // namespace

bool recover(const Interpreter& interpreter) {
    Ref spent = Ref::steal(py.PyObject_CallObject(interpreter.support.recover.get(), nullptr));
    if (!spent) py.PyErr_Clear();
    return !spent || py.PyObject_IsTrue(spent.get()) == 1;
}

Failure stopped() { return fail("ERR_EXT_TIMEOUT", "the call's time was up while it ran"); }

bool run_call(Executor& executor, std::size_t function, std::string_view payload, Caller caller, Cancellation& cancellation,
              Failure& failure, Ref* coroutine) {
    return run_stoppable(executor, caller, cancellation, failure,
                         [&] { run(executor, function, payload, caller, failure, coroutine); });
}

bool await_coroutine(Executor& executor, Ref coroutine, Cancellation& cancellation, Failure& failure) {
    return run_stoppable(executor, Caller::elsewhere, cancellation, failure,
                         [&] { write(executor, await(executor, coroutine), failure); });
}

}  // namespace pyvm
