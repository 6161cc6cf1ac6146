#include "cpython/python_thread.h"

#include <limits.h>
#include <pthread.h>

#include <chrono>
#include <thread>

#include "platform/thread.h"

namespace pyvm {

namespace {

#ifdef __APPLE__
constexpr unsigned long kKeys = 768;  // the system's own among them
#else
constexpr unsigned long kKeys = PTHREAD_KEYS_MAX;
#endif

// Tries to take it at once, and the time between later ones: then a host function keeps a call waiting.
constexpr int kEager = 1000;
constexpr auto kPause = std::chrono::milliseconds(1);

// Where CPython keeps the thread state that PyGILState_Ensure finds: callbacks from C ask for it. CPython writes it when a
// state is first attached, and knows nothing of one that moves on.
pthread_key_t gilstate_key;
bool carried = false;

// Of the Python thread that this one carries away from its home; 0 for none.
thread_local unsigned long carried_identity = 0;

// From 3.14 on the limit of recursion is a place on the stack of the thread.
bool recursion_follows() {
    bool measured = py.PyUnstable_ThreadState_SetStackProtection != nullptr;
    return measured || py._Py_InitializeRecursionLimits == nullptr;
}

bool find_key() {
    PyThreadState* state = py.PyThreadState_Get();
    if (py.PyGILState_GetThisThreadState() != state) return false;
    for (unsigned long each = 0; each < kKeys; each++) {
        auto key = static_cast<pthread_key_t>(each);
        if (pthread_getspecific(key) != state || pthread_setspecific(key, nullptr) != 0) continue;
        bool is_it = py.PyGILState_GetThisThreadState() == nullptr;
        pthread_setspecific(key, state);
        gilstate_key = key;
        if (is_it) return true;
    }
    return false;
}

PyObject* identity_function(PyObject*, PyObject*) {
    unsigned long identity = carried_identity != 0 ? carried_identity : py.PyThread_get_thread_ident();
    return py.PyLong_FromUnsignedLong(identity);
}

PyMethodDef identity_method = {"get_ident", identity_function, kMethodNoArgs,
                               "Return a non-zero integer that uniquely identifies the current thread."};

}  // namespace

// Without a GIL, memory and reference counts belong to the thread of the system that made an object.
void find_whether_carried() { carried = !py.without_gil && recursion_follows() && find_key(); }

bool can_be_carried() { return carried; }

void PythonThread::adopt(PyThreadState* state) {
    state_ = state;
    identity_ = py.PyThread_get_thread_ident();
}

void PythonThread::take() {
    for (int tries = 0; taken_.exchange(true, std::memory_order_acquire); tries++) {
        if (tries < kEager) {
            std::this_thread::yield();
        } else {
            std::this_thread::sleep_for(kPause);
        }
    }
}

void PythonThread::attach() {
    take();
    if (stack_ != nullptr) {
        py.PyUnstable_ThreadState_ResetStackProtection(state_);
        stack_ = nullptr;
    }
    py.PyEval_RestoreThread(state_);
}

void PythonThread::detach() {
    py.PyEval_SaveThread();
    give();
}

void PythonThread::forget() {
    state_ = nullptr;
    give();
}

void PythonThread::attach_away() {
    take();
    if (py.PyUnstable_ThreadState_SetStackProtection != nullptr) {
        const Stack& stack = this_stack();
        if (stack_ != stack.base) py.PyUnstable_ThreadState_SetStackProtection(state_, stack.base, stack.size);
        stack_ = stack.base;
    }
    if (away_identity_ == 0) away_identity_ = py.PyThread_get_thread_ident();
    away_ = true;
    carried_ = &carried_identity;
    other_identity_ = std::exchange(*carried_, identity_);
    other_state_ = pthread_getspecific(gilstate_key);
    if (other_state_ != state_) pthread_setspecific(gilstate_key, state_);
    py.PyEval_RestoreThread(state_);
}

void PythonThread::detach_away() {
    py.PyEval_SaveThread();
    // Outside of calls nobody looks there.
    if (other_identity_ != 0) pthread_setspecific(gilstate_key, other_state_);
    *carried_ = other_identity_;
    away_ = false;
    give();
}

Ref make_identity_function() { return Ref::steal(py.PyCFunction_NewEx(&identity_method, nullptr, nullptr)); }

}  // namespace pyvm
