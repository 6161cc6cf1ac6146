// Threads of the addon. They are detached and never waited for, so that the process can end while Python runs.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>

// A variable of each thread that every call looks at. The C library here keeps room for a few of a library that is loaded
// later, so that no function has to be called for its place.
#if defined(__GLIBC__)
#define PYVM_HOT_THREAD_LOCAL thread_local __attribute__((tls_model("initial-exec")))
#else
#define PYVM_HOT_THREAD_LOCAL thread_local
#endif

namespace pyvm {

// Bytes of stack of every thread that runs Python: CPython's own limits on recursion in C are made for 8 MiB.
constexpr unsigned long kStackSize = 16ul << 20;

// False when the system has no thread left to give.
bool start_thread(std::function<void()> body);

// Whether the current thread is one of the addon's, or one that was said to be: JavaScript's.
bool is_own_thread();
void say_own_thread();

// Of a thread, from its lowest address on.
struct Stack {
    void* base = nullptr;
    std::size_t size = 0;
};

// Of the current thread; both 0 where that is not to be known.
const Stack& this_stack();
// Whether the current thread's stack is large enough to run any Python on it.
bool stack_serves_python();

// What a thread, known by the identity that Python gives it, has used of a processor. Where the system does not tell: the time
// of day, so that differences are never too small. The thread must be alive.
std::chrono::nanoseconds thread_time(unsigned long identity);

// The core that the calling thread runs on, or kNoCore where that is not to be known.
constexpr int kNoCore = -1;
int current_core();

// Tells the processor that this is a loop that waits for another thread.
inline void pause_core() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

}  // namespace pyvm
