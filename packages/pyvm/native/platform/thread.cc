#include "platform/thread.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <memory>

namespace pyvm {

namespace {

constexpr unsigned long kNeeded = 7ul << 20;

thread_local bool own_thread = false;

void* run(void* data) {
    own_thread = true;
    std::unique_ptr<std::function<void()>> body(static_cast<std::function<void()>*>(data));
    (*body)();
    return nullptr;
}

Stack find_stack() {
    Stack stack;
#ifdef __linux__
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return stack;
    pthread_attr_getstack(&attributes, &stack.base, &stack.size);
    pthread_attr_destroy(&attributes);
#else
    stack.size = pthread_get_stacksize_np(pthread_self());
    stack.base = static_cast<char*>(pthread_get_stackaddr_np(pthread_self())) - stack.size;
#endif
    return stack;
}

}  // namespace

bool start_thread(std::function<void()> body) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, kStackSize);
    auto owned = std::make_unique<std::function<void()>>(std::move(body));
    pthread_t thread;
    bool started = pthread_create(&thread, &attributes, run, owned.get()) == 0;
    if (started) (void)owned.release();
    pthread_attr_destroy(&attributes);
    return started;
}

bool is_own_thread() { return own_thread; }

void say_own_thread() { own_thread = true; }

const Stack& this_stack() {
    static thread_local const Stack stack = find_stack();
    return stack;
}

bool stack_serves_python() { return this_stack().size >= kNeeded; }

std::chrono::nanoseconds thread_time([[maybe_unused]] unsigned long identity) {
#ifdef __linux__
    clockid_t clock;
    timespec used;
    if (pthread_getcpuclockid(static_cast<pthread_t>(identity), &clock) == 0 && clock_gettime(clock, &used) == 0)
        return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
#endif
    return std::chrono::steady_clock::now().time_since_epoch();
}

int current_core() {
#ifdef __linux__
    return sched_getcpu();
#else
    return kNoCore;
#endif
}

}  // namespace pyvm
