// The thread state with which a thread of JavaScript enters an interpreter.
#pragma once

#include "python_api.h"

namespace pyvm {

// Of one thread and one interpreter; used on that thread. Made at its first use.
class CallerState {
  public:
    // Attaches. Where the thread is in that interpreter already (a guest waits for a host function, which calls another
    // guest), it gets another thread state for this time: what the two guests raise and handle is kept apart, and an
    // exception for the thread goes to the newest of its states.
    PyThreadState* attach(PyInterpreterState* interpreter) {
        if (attached_++ > 0 || state_ == nullptr) return attach_new(interpreter);
        py.PyEval_RestoreThread(state_);
        return state_;
    }
    void detach() {
        if (--attached_ > 0) return delete_current();
        py.PyEval_SaveThread();
    }

    // So many users will release it; the last one removes it. Detached.
    void use() { users_++; }
    void release();

    // That of the calling thread in the main interpreter, which many programs share.
    static CallerState& in_main_interpreter();

  private:
    PyThreadState* attach_new(PyInterpreterState* interpreter);
    void delete_current();

    PyThreadState* state_ = nullptr;
    int attached_ = 0;
    int users_ = 0;
};

}  // namespace pyvm
