// What guests print and log, on its way to the loggers of their modules.
#pragma once

#include <cstdint>
#include <memory>

#include "python_ref.h"

namespace pyvm {

struct Interpreter;
class Completions;

// The function `_write(level, text, program)` of the bootstrap, for one interpreter. It returns False where `program` is
// -1 and the program that prints is not known. A null Ref with an error pending if it cannot be made.
Ref make_write_function(Interpreter& interpreter);

// Where the output of a program goes, from now until it is removed. Any thread.
void add_output(std::int64_t program, std::shared_ptr<Completions> destination);
void remove_output(std::int64_t program);

// The program whose call the current thread runs.
void set_current_program(std::int64_t program);

// Sends what the current thread has printed without ending the line.
void flush_output();

}  // namespace pyvm
