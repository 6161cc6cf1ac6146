#include "platform/process_environment.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>

extern "C" char** environ;

namespace pyvm {

namespace {

// Node keeps the C library's `environ` in its own data, as programs do. A library that binds to its own dependencies first, as
// CPython's is told to, finds the C library's, which nobody ever sets. Null where both are the same.
char*** unset = nullptr;

// What `unset` points to. Never freed: C extensions may walk it at any time. The texts are the C library's, which keeps them.
char** shown = nullptr;

std::ptrdiff_t length(char** variables) {
    std::ptrdiff_t count = 0;
    while (variables != nullptr && variables[count] != nullptr) count++;
    return count;
}

}  // namespace

void find_environment(void* library) {
    auto* found = static_cast<char***>(dlsym(library, "environ"));
    if (found != nullptr && found != &environ) unset = found;
}

void show_environment() {
    if (unset == nullptr || environ == nullptr) return;
    std::ptrdiff_t count = length(environ);
    if (shown != nullptr && length(shown) == count && std::equal(shown, shown + count, environ)) return;
    // A copy, for the C library moves its own array when a variable is added.
    auto** copy = new char*[count + 1];
    std::copy(environ, environ + count, copy);
    copy[count] = nullptr;
    *unset = shown = copy;
}

}  // namespace pyvm
