// What a failed call, load or start tells JavaScript.
#pragma once

#include <string>

#include "cpython/python_ref.h"

namespace pyvm {

struct Interpreter;

struct Failure {
    // A code of ExtensionError, or "" for none; always a string literal.
    const char* code = "";
    // Of ERR_EXT_GUEST: the exception's type, its text, and its traceback. Otherwise only `message` is set.
    std::string name;
    std::string message;
    std::string stack;
    // What else it tells, as an object of JSON with `code`, `data`, `cause` and `errors`; empty for nothing.
    std::string extras;
    // The call has left its program in disorder: it must not serve another one.
    bool spent = false;

    explicit operator bool() const { return *code != '\0'; }
};

inline Failure fail(const char* code, std::string message) { return Failure{code, {}, std::move(message), {}, {}}; }

// Takes the pending exception and describes it, in the guest's own words. Runs Python code (the guest's `__str__`
// included), so it belongs inside the part of a call that can be aborted. Attached threads only.
Failure take_exception(const Interpreter& interpreter, const char* code = "ERR_EXT_GUEST");

// Takes the pending exception as an object, normalised and with its traceback; null when none is pending.
Ref fetch_exception();

// UTF-8 of a str, with U+FFFD for what UTF-8 cannot say; empty for anything else. Never leaves an error pending.
std::string text_of(PyObject* object);

}  // namespace pyvm
