#include "interpreter/failure.h"

#include "interpreter/interpreter.h"

namespace pyvm {

Ref fetch_exception() {
    PyObject* type = nullptr;
    PyObject* value = nullptr;
    PyObject* traceback = nullptr;
    py.PyErr_Fetch(&type, &value, &traceback);
    if (type == nullptr) return Ref();
    py.PyErr_NormalizeException(&type, &value, &traceback);
    Ref owned_type = Ref::steal(type);
    Ref owned_traceback = Ref::steal(traceback);
    if (traceback != nullptr && value != nullptr) py.PyException_SetTraceback(value, traceback);
    return Ref::steal(value);
}

std::string text_of(PyObject* object) {
    PySize size = 0;
    if (object == nullptr) return {};
    if (const char* text = py.PyUnicode_AsUTF8AndSize(object, &size)) return std::string(text, size);
    py.PyErr_Clear();
    Ref bytes = Ref::steal(py.PyUnicode_AsEncodedString(object, "utf-8", "replace"));
    char* data = nullptr;
    if (bytes && py.PyBytes_AsStringAndSize(bytes.get(), &data, &size) == 0) return std::string(data, size);
    py.PyErr_Clear();
    return {};
}

Failure take_exception(const Interpreter& interpreter, const char* code) {
    Ref error = fetch_exception();
    Failure failure{code, "Exception", "", "", ""};
    if (!error) {
        failure.message = "a Python function failed without setting an exception";
        return failure;
    }
    Ref told = Ref::steal(py.PyObject_CallOneArg(interpreter.support.describe.get(), error.get()));
    if (!told || py.PyTuple_Size(told.get()) != 4) {
        py.PyErr_Clear();
        return failure;
    }
    failure.name = text_of(py.PyTuple_GetItem(told.get(), 0));
    failure.message = text_of(py.PyTuple_GetItem(told.get(), 1));
    failure.stack = text_of(py.PyTuple_GetItem(told.get(), 2));
    failure.extras = text_of(py.PyTuple_GetItem(told.get(), 3));
    return failure;
}

}  // namespace pyvm
