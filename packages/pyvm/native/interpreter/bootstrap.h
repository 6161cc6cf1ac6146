// The Python half of pyvm: what every interpreter runs once before any guest code.
#pragma once

namespace pyvm {

// The files of ../python, one after the other.
extern const char kBootstrapSource[];

// File name of that code. Frames of it are left out of guests' tracebacks.
constexpr char kBootstrapFile[] = "<pyvm>";

}  // namespace pyvm
