// Where a program belongs: the Node environment that loaded it, and the threads that run it.
#pragma once

#include <cstdint>
#include <memory>

#include "bridge/output_room.h"
#include "cpython/python_ref.h"

namespace pyvm {

struct Interpreter;
class Completions;
class Executor;

struct Home {
    std::shared_ptr<Completions> completions;  // null for a program that is not there
    std::weak_ptr<Executor> executor;
    bool serves = true;  // its host calls
    std::shared_ptr<OutputRoom> output;
    bool hands_over = false;  // its lines, before it goes on: its guests can end the process
};

// From now until it is removed. Any thread.
void add_home(std::int64_t program, Home home);
Home home_of(std::int64_t program);
void remove_home(std::int64_t program);
// The program may call the host no more. Its output still goes where it went.
void close_home(std::int64_t program);

// The program whose call the current thread runs in the main interpreter, which many programs share; 0 for none.
std::int64_t current_program();
void set_current_program(std::int64_t program);

// `_current_program()` for Python: the same.
Ref make_current_program_function();

// The program that the current thread runs, or 0 where that is not known: in the main interpreter, for threads that guests
// have started.
std::int64_t program_here(const Interpreter& interpreter);

}  // namespace pyvm
