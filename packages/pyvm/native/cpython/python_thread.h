// The Python thread of an instance, which one thread of the system after the other carries.
#pragma once

#include <atomic>

#include "cpython/python_ref.h"

namespace pyvm {

// Finds out whether this CPython lets a thread carry a thread state that another one has made. On the attached main thread,
// once, before the first PythonThread.
void find_whether_carried();
// Where it does not, all calls run on the thread that has made the state.
bool can_be_carried();

// A thread state, and with it all that Python keeps by thread: thread-locals, the context, the current event loop, the
// identity. It is made on its home, the executor's thread, and lent to JavaScript's thread for synchronous calls. One thread
// at a time is attached with it; the other one waits.
class PythonThread {
  public:
    // On its home, attached or not.
    void adopt(PyThreadState* state);
    PyThreadState* state() const { return state_; }
    // What Python takes for the identity of the thread, whoever carries it.
    unsigned long identity() const { return identity_; }
    // The thread of the system that carries it.
    unsigned long carrier() const { return away_ ? away_identity_ : identity_; }

    // On its home.
    void attach();
    void detach();
    // After `attach`, when the state is gone.
    void forget();

    // On another thread, in the order of a stack.
    void attach_away();
    void detach_away();

  private:
    void take();
    void give() { taken_.store(false, std::memory_order_release); }

    // By whoever carries it: two threads that wait for the GIL with one state would take each other for the last holder. Hardly
    // ever does one wait, and then for the end of a call's last step.
    std::atomic<bool> taken_{false};
    PyThreadState* state_ = nullptr;
    unsigned long identity_ = 0;
    const void* stack_ = nullptr;  // that its limit of recursion is set to; null for its home's
    bool away_ = false;
    unsigned long away_identity_ = 0;  // of the thread that carries it away from home, which is always the same
    // What that thread carried before, in a call that waits for this one.
    void* other_state_ = nullptr;
    unsigned long other_identity_ = 0;
    unsigned long* carried_ = nullptr;  // where that thread notes what it carries
};

// `get_ident()` for Python: the identity of the Python thread that the calling thread carries.
Ref make_identity_function();

}  // namespace pyvm
