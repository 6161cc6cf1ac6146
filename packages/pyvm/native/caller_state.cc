#include "caller_state.h"

namespace pyvm {

PyThreadState* CallerState::attach_new(PyInterpreterState* interpreter) {
    PyThreadState* state = py.PyThreadState_New(interpreter);
    if (attached_ == 1) state_ = state;
    py.PyEval_RestoreThread(state);
    return state;
}

void CallerState::delete_current() {
    py.PyThreadState_Clear(py.PyThreadState_Get());
    py.PyThreadState_DeleteCurrent();
}

void CallerState::release() {
    if (--users_ > 0 || state_ == nullptr) return;
    py.PyEval_RestoreThread(state_);
    py.PyThreadState_Clear(state_);
    py.PyThreadState_DeleteCurrent();
    state_ = nullptr;
}

CallerState& CallerState::in_main_interpreter() {
    static thread_local CallerState state;
    return state;
}

}  // namespace pyvm
