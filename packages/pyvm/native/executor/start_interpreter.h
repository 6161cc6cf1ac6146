// The main interpreter's start, and the start and end of sub-interpreters: each runs the Python half, which gets the functions
// of all rooms of the addon.
#pragma once

#include <string>

#include "interpreter/interpreter.h"

namespace pyvm {

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

// Makes a sub-interpreter on the calling thread, which must not be attached to any. On success the thread is attached
// to it, by the returned thread state; otherwise null, and `error` says why.
PyThreadState* start_sub_interpreter(Interpreter& interpreter, std::string& error);

// Ends a sub-interpreter whose only thread state is `thread_state`, attached. When guest threads are left in it, it
// is abandoned instead, for ending it would end the process: its memory is lost, and false is returned. Detached afterwards.
bool end_sub_interpreter(Interpreter& interpreter, PyThreadState* thread_state);

}  // namespace pyvm
