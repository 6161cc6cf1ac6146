// What guests print and log, on its way to the loggers of their modules.
#pragma once

#include "cpython/python_ref.h"

namespace pyvm {

struct Interpreter;

// The function `_write(level, text, program)` of the bootstrap, for one interpreter. It returns False where `program` is
// -1 and the program that prints is not known. A null Ref with an error pending if it cannot be made.
Ref make_write_function(Interpreter& interpreter);

// Sends what the current thread has printed without ending the line.
void flush_output();

// From now on the current thread runs a guest's call, or none: what it prints is of that call. Returns what was so before.
bool set_speaks_for_call(bool speaks);

}  // namespace pyvm
