// An interpreter of the one CPython of this process: the main one, or a sub-interpreter with a GIL of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "cpython/python_ref.h"

namespace pyvm {

// Functions of the bootstrap module (../python) that the addon calls.
struct Support {
    Ref describe, loads, dumps, call_aborted, call_stopped, compile_source, load, unload, run, cancel, stop, end_loop, recover,
        heed, warm_up, shutdown, whose, host_failure, keep_extension;
    // Folder of the standard library, with a slash at its end.
    std::string standard_library;
};

struct Interpreter {
    PyInterpreterState* state = nullptr;
    bool own_gil = false;
    Support support;
    // The program whose output this interpreter's is; 0 for none. In the main interpreter many programs print.
    std::atomic<std::int64_t> program{0};
    // Whether its calls stay on its executor's thread, since a library keeps state by thread of the system.
    std::atomic<bool> keeps_to_thread{false};
    // Whether a guest has ever printed in it.
    std::atomic<bool> prints{false};
};

// The main interpreter, after start_main_interpreter has succeeded.
Interpreter& main_interpreter();
void set_main_interpreter(Interpreter& interpreter);

// Whether interpreters with a GIL of their own exist in this CPython (3.12 and later).
bool has_own_gil();

}  // namespace pyvm
