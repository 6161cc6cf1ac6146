// The init functions of extension modules, called where their exceptions can be told.
#pragma once

#include "cpython/python_ref.h"

namespace pyvm {

// For the bootstrap of an isolated interpreter: _try_init(symbol, path, name, dlopen flags), which calls an extension module's
// init function in the main interpreter, as CPython does right after it. Returns None where that may go ahead, else why not.
Ref make_try_init_function();

}  // namespace pyvm
