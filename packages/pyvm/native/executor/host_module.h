// What the Python module `extruntime` is made of.
#pragma once

#include "cpython/python_ref.h"

namespace pyvm {

struct Interpreter;

// The function `_host_call(name, value)` of the bootstrap, for one interpreter: calls a host function and returns its
// value, or raises. A null Ref with an error pending if it cannot be made.
Ref make_host_call_function(Interpreter& interpreter);

}  // namespace pyvm
