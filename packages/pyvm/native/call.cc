#include "call.h"

#include "home.h"
#include "output.h"

namespace pyvm {

namespace {

Failure refused(Executor& executor, const char* code, const char* what) {
    Failure failure = take_exception(executor.interpreter(), code);
    failure.message = std::string(what) + ": " + failure.name + ": " + failure.message;
    failure.name.clear();
    failure.stack.clear();
    return failure;
}

bool is_coroutine(PyObject* value) { return type_of(value) == py.PyCoro_Type; }

// Awaits a coroutine on the executor's loop, or closes it. Empty with `failure` set, or with an exception pending.
Ref settle(Executor& executor, Ref coroutine, Caller caller, Failure& failure) {
    if (caller == Caller::elsewhere) {
        return Ref::steal(py.PyObject_CallOneArg(executor.interpreter().support.run.get(), coroutine.get()));
    }
    Ref close = Ref::steal(py.PyObject_GetAttrString(coroutine.get(), "close"));
    if (close) Ref::steal(py.PyObject_CallObject(close.get(), nullptr));
    py.PyErr_Clear();
    failure = fail("ERR_EXT_UNSUPPORTED",
                   "the function is an `async def`, whose answer cannot be waited for on the calling "
                   "thread: use invoke");
    return Ref();
}

Failure run(Executor& executor, std::size_t function, std::string_view payload, Caller caller) {
    Ref argument = from_json(executor.interpreter(), executor.reader(), payload);
    if (!argument) return refused(executor, "ERR_EXT_BAD_PAYLOAD", "the payload is not JSON");

    Ref result = Ref::steal(py.PyObject_CallOneArg(executor.guest().functions[function].get(), argument.get()));
    Failure failure;
    if (result && is_coroutine(result.get())) result = settle(executor, std::move(result), caller, failure);
    if (failure) return failure;
    if (!result) return take_exception(executor.interpreter());
    if (to_json(executor.interpreter(), executor.writer(), result.get())) return {};
    return refused(executor, "ERR_EXT_BAD_RESULT", "the result cannot be said in JSON");
}

}  // namespace

Failure stopped() { return fail("ERR_EXT_TIMEOUT", "the call's time was up while it ran"); }

bool run_call(Executor& executor, std::size_t function, std::string_view payload, Caller caller, Cancellation& cancellation,
              Failure& failure) {
    Interpreter& interpreter = executor.interpreter();
    if (!interpreter.own_gil) set_current_program(executor.guest().program);
    cancellation.number.store(executor.gate().next(), std::memory_order_release);
    executor.enter_gate(caller);
    // Asked for before that: then it is seen here; asked for later, the number is found.
    if (!cancellation.requested.load()) failure = run(executor, function, payload, caller);
    bool interrupted = executor.gate().leave();
    if (interrupted) Ref::steal(py.PyObject_CallObject(interpreter.support.recover.get(), nullptr));
    if (interpreter.prints.load(std::memory_order_relaxed)) flush_output();
    if (interrupted || cancellation.requested.load()) failure = stopped();
    return !failure;
}

}  // namespace pyvm
