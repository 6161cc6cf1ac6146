// Opens the shared library of a CPython.
#pragma once

#include <string>

namespace pyvm {

// Opens `path` with global symbols, which Python's own extension modules need, and fills the function table. Returns
// an empty string, or what is wrong. Never unloaded.
//
// `deep_binding` makes the library prefer its own dependencies to what Node's executable exports: Node carries its own
// OpenSSL, zlib and more, and exports their symbols. Off only under sanitizers, which refuse it.
std::string open_library(const std::string& path, bool deep_binding);

// Flags for sys.setdlopenflags in every interpreter, for the same reason.
int extension_dlopen_flags(bool deep_binding);

}  // namespace pyvm
