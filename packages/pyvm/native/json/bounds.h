// What a program may hand over, as `limits` of the host name it.
#pragma once

#include <cstddef>

namespace pyvm {

// Bytes of JSON text: what is longer is not copied out of Python.
struct Bounds {
    std::size_t result = 16 << 20;     // resultBytes
    std::size_t host_call = 16 << 20;  // hostCallBytes
};

}  // namespace pyvm
