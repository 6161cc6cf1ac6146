// Owned and borrowed references as types: a `Ref` owns one reference, a plain `PyObject*` is borrowed. A Ref is made,
// assigned and destroyed only on a thread that is attached to the object's interpreter.
#pragma once

#include <utility>

#include "cpython/python_api.h"

namespace pyvm {

class Ref {
  public:
    Ref() = default;
    // Takes over a new reference, such as most API functions return; null stays null.
    static Ref steal(PyObject* object) { return Ref(object); }
    static Ref share(PyObject* object) {
        if (object != nullptr) add_reference(object);
        return Ref(object);
    }

    Ref(const Ref&) = delete;
    Ref& operator=(const Ref&) = delete;
    Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    Ref& operator=(Ref&& other) noexcept {
        if (this != &other) {
            reset();
            object_ = std::exchange(other.object_, nullptr);
        }
        return *this;
    }
    ~Ref() { reset(); }

    PyObject* get() const { return object_; }
    explicit operator bool() const { return object_ != nullptr; }
    // Gives the reference to a function that steals it.
    PyObject* release() { return std::exchange(object_, nullptr); }
    void reset() {
        if (object_ != nullptr) drop_reference(std::exchange(object_, nullptr));
    }

  private:
    explicit Ref(PyObject* object) : object_(object) {}
    PyObject* object_ = nullptr;
};

}  // namespace pyvm
