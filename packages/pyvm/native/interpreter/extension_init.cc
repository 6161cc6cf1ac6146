#include "interpreter/extension_init.h"

#include <dlfcn.h>

#include <mutex>
#include <set>
#include <string>

#include "interpreter/failure.h"
#include "interpreter/interpreter.h"

namespace pyvm {

namespace {

using InitFunction = PyObject* (*)();

// Init functions that returned a definition: what CPython makes a module from, in whichever interpreter. They do so each time.
class KnownFunctions {
  public:
    bool has(InitFunction init) {
        std::scoped_lock lock(mutex_);
        return functions_.contains(init);
    }
    void add(InitFunction init) {
        std::scoped_lock lock(mutex_);
        functions_.insert(init);
    }

  private:
    std::mutex mutex_;
    std::set<InitFunction> functions_;
};

KnownFunctions& multi_phase() {
    static auto* known = new KnownFunctions;
    return *known;
}

std::string exception_text() {
    Ref error = fetch_exception();
    if (!error) return "its init function failed without an exception";
    Ref text = Ref::steal(py.PyObject_Repr(error.get()));
    if (!text) py.PyErr_Clear();
    return "its init function raised " + (text ? text_of(text.get()) : "an exception");
}

// It has run there now, and CPython would run it again for an import of the main interpreter's own.
void keep(const std::string& name, const std::string& path, Ref module) {
    Ref arguments = Ref::steal(py.PyTuple_New(3));
    auto text = [](const std::string& from) { return py.PyUnicode_DecodeUTF8(from.data(), from.size(), nullptr); };
    py.PyTuple_SetItem(arguments.get(), 0, text(name));
    py.PyTuple_SetItem(arguments.get(), 1, text(path));
    py.PyTuple_SetItem(arguments.get(), 2, module.release());
    Ref done = Ref::steal(py.PyObject_CallObject(main_interpreter().support.keep_extension.get(), arguments.get()));
    if (!done) py.PyErr_Clear();
}

// In the main interpreter. Empty where it returns a definition.
std::string call_init(InitFunction init, const std::string& name, const std::string& path) {
    PyObject* made = init();
    if (made == nullptr) return exception_text();
    if (py.PyErr_Occurred() != nullptr) return exception_text();
    // Without that type CPython finds out by itself.
    if (py.PyModuleDef_Type == nullptr || type_of(made) == py.PyModuleDef_Type) return {};
    keep(name, path, Ref::steal(made));
    return "it uses single-phase initialization";
}

InitFunction find_init(const std::string& symbol, const std::string& path, int flags) {
    void* library = dlopen(path.c_str(), flags);
    if (library == nullptr) return nullptr;
    return reinterpret_cast<InitFunction>(dlsym(library, symbol.c_str()));
}

PyObject* none() {
    py.Py_IncRef(py._Py_NoneStruct);
    return py._Py_NoneStruct;
}

PyObject* try_init(PyObject*, PyObject* arguments) {
    std::string symbol = text_of(py.PyTuple_GetItem(arguments, 0));
    std::string path = text_of(py.PyTuple_GetItem(arguments, 1));
    std::string name = text_of(py.PyTuple_GetItem(arguments, 2));
    auto flags = static_cast<int>(py.PyLong_AsLongLong(py.PyTuple_GetItem(arguments, 3)));
    PyThreadState* here = py.PyEval_SaveThread();
    // Where either fails, CPython tells why in its own words.
    InitFunction init = find_init(symbol, path, flags);
    std::string problem;
    if (init != nullptr && !multi_phase().has(init)) {
        PyThreadState* in_main = py.PyThreadState_New(main_interpreter().state);
        py.PyEval_RestoreThread(in_main);
        problem = call_init(init, name, path);
        py.PyThreadState_Clear(in_main);
        py.PyThreadState_DeleteCurrent();
        if (problem.empty()) multi_phase().add(init);
    }
    py.PyEval_RestoreThread(here);
    return problem.empty() ? none() : py.PyUnicode_DecodeUTF8(problem.data(), problem.size(), "replace");
}

PyMethodDef try_init_method = {"_try_init", try_init, kMethodVarArgs, nullptr};

}  // namespace

Ref make_try_init_function() { return Ref::steal(py.PyCFunction_NewEx(&try_init_method, nullptr, nullptr)); }

}  // namespace pyvm
