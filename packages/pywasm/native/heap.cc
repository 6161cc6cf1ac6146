// The heap's end. It lies in the memory itself, so that a memory which was put back to what it was, and cannot shrink, is used
// anew; how far it may go is the host's to say, whom nothing in this memory can deceive.
#include <cerrno>
#include <cstdint>
#include <cstdlib>

#include "shim.h"

// Grows the memory where it has to, to so many bytes in all. 0 where it may not.
IMPORTED("grow") int host_grow(std::uint32_t bytes);

namespace {

constexpr std::uintptr_t kPage = 1 << 16;
std::uintptr_t heap_end = 0;

}  // namespace

extern "C" void* sbrk(std::intptr_t increment) {
    if (heap_end == 0) heap_end = static_cast<std::uintptr_t>(__builtin_wasm_memory_size(0)) * kPage;
    if (increment == 0) return reinterpret_cast<void*>(heap_end);
    if (increment < 0 || increment % kPage != 0) abort();
    std::uintptr_t next = heap_end + increment;
    if (next < heap_end || host_grow(next) == 0) {
        errno = ENOMEM;
        return reinterpret_cast<void*>(-1);
    }
    void* was = reinterpret_cast<void*>(heap_end);
    heap_end = next;
    return was;
}

// Where the heap of a new instance of the module begins, once it has one.
EXPORTED("ext_heap_end") std::uintptr_t ext_heap_end() { return heap_end; }
