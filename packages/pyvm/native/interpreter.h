// An interpreter of the one CPython of this process: the main one, or a sub-interpreter with a GIL of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "python_ref.h"

namespace pyvm {

// Functions of the bootstrap module (../python) that the addon calls.
struct Support {
    Ref describe, loads, dumps, call_aborted, call_stopped, compile_source, load, unload, run, cancel, stop, end_loop, recover,
        warm_up, shutdown, whose, host_failure, keep_extension;
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

struct StartOptions {
    std::string library;
    std::string program_name;  // path of the executable that belongs to the library; Python finds its modules from it
    bool system_allocator = false;  // malloc instead of Python's own allocator
    bool environment = false;         // heed PYTHONPATH, PYTHONHOME and their like
    bool deep_binding = true;
};

// Starts CPython on the calling thread, which becomes its main thread, and leaves it attached. Once per process.
// Returns an empty string, or what is wrong.
std::string start_main_interpreter(const StartOptions& options, Interpreter& interpreter);

// The main interpreter, after start_main_interpreter has succeeded.
Interpreter& main_interpreter();

// Whether interpreters with a GIL of their own exist in this CPython (3.12 and later).
bool has_own_gil();

// Makes a sub-interpreter on the calling thread, which must not be attached to any. On success the thread is attached
// to it, by the returned thread state; otherwise null, and `error` says why.
PyThreadState* start_sub_interpreter(Interpreter& interpreter, std::string& error);

// Ends a sub-interpreter whose only thread state is `thread_state`, attached. When guest threads are left in it, it
// is abandoned instead, for ending it would end the process: its memory is lost, and false is returned. Detached afterwards.
bool end_sub_interpreter(Interpreter& interpreter, PyThreadState* thread_state);

}  // namespace pyvm
