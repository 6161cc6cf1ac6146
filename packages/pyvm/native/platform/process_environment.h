// The variables of the process's environment, where Python looks for them.
#pragma once

namespace pyvm {

// Once, after the library of CPython has been opened.
void find_environment(void* library);

// Python reads the variables when an interpreter starts, so this comes before each. One thread at a time.
void show_environment();

}  // namespace pyvm
