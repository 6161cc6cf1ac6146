#include "interpreter/interpreter.h"

namespace pyvm {

namespace {

Interpreter* the_main_interpreter = nullptr;

}  // namespace

Interpreter& main_interpreter() { return *the_main_interpreter; }

void set_main_interpreter(Interpreter& interpreter) { the_main_interpreter = &interpreter; }

bool has_own_gil() { return py.Py_NewInterpreterFromConfig != nullptr; }

}  // namespace pyvm
