// The part of CPython's exported C API that pyvm uses, declared anew: no Python header is included and no libpython is
// linked, so that one binary serves every CPython from 3.11 on, with or without the GIL. All objects are opaque. The
// only layouts relied upon are PyStatus, PyPreConfig, PyInterpreterConfig, PyMemAllocatorEx, PyObjectArenaAllocator and
// PyMethodDef, which have not changed since they were introduced; everything else goes through functions, but for an object's
// type and its reference count, whose places are looked for when CPython has been started.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

struct PyObject;
struct PyThreadState;
struct PyInterpreterState;
struct PyFrameObject;
struct PyInitConfig;

using PySize = std::ptrdiff_t;
using PyCFunction = PyObject* (*)(PyObject * self, PyObject* args);
using PyTraceFunction = int (*)(PyObject* self, PyFrameObject* frame, int what, PyObject* arg);

struct PyMethodDef {
    const char* name;
    PyCFunction function;
    int flags;
    const char* doc;
};

struct PyStatus {
    int type;  // 0 is success
    const char* function;
    const char* message;
    int exit_code;
};

// PEP 684; since 3.12.
struct PyInterpreterConfig {
    int use_main_obmalloc;
    int allow_fork;
    int allow_exec;
    int allow_threads;
    int allow_daemon_threads;
    int check_multi_interp_extensions;
    int gil;
};

// PEP 587; longer than any version's, since the library fills it in itself.
struct PyPreConfig {
    int config_init;
    int parse_argv;
    int isolated;
    int use_environment;
    int configure_locale;
    int coerce_c_locale;
    int coerce_c_locale_warn;
    int utf8_mode;
    int dev_mode;
    int allocator;  // 0 the version's own, 3 malloc
    int reserved[54];
};

// One domain's allocator.
struct PyMemAllocatorEx {
    void* context;
    void* (*malloc)(void* context, std::size_t size);
    void* (*calloc)(void* context, std::size_t count, std::size_t size);
    void* (*realloc)(void* context, void* memory, std::size_t size);
    void (*free)(void* context, void* memory);
};

// Where Python's own allocator takes its arenas.
struct PyObjectArenaAllocator {
    void* context;
    void* (*alloc)(void* context, std::size_t size);
    void (*free)(void* context, void* arena, std::size_t size);
};

// PEP 587; only the library looks inside. Longer than any version's (3.14: under 600 bytes).
struct PyConfig {
    alignas(16) char opaque[8192];
};

namespace pyvm {

constexpr int kOwnGil = 2;
constexpr int kMethodVarArgs = 0x0001;
constexpr int kMethodNoArgs = 0x0004;
constexpr int kFloatAddDotZero = 0x02;

// clang-format off
#define PYVM_REQUIRED_FUNCTIONS(X) \
    X(const char*, Py_GetVersion, ()) \
    X(void, Py_InitializeEx, (int)) \
    X(void, PyConfig_InitIsolatedConfig, (PyConfig*)) \
    X(void, PyConfig_Clear, (PyConfig*)) \
    X(PyStatus, Py_InitializeFromConfig, (const PyConfig*)) \
    X(int, Py_IsInitialized, ()) \
    X(void, PyPreConfig_InitIsolatedConfig, (PyPreConfig*)) \
    X(void, PyPreConfig_InitPythonConfig, (PyPreConfig*)) \
    X(PyStatus, Py_PreInitialize, (const PyPreConfig*)) \
    X(wchar_t*, Py_DecodeLocale, (const char*, std::size_t*)) \
    X(PyThreadState*, PyEval_SaveThread, ()) \
    X(void, PyEval_RestoreThread, (PyThreadState*)) \
    X(PyThreadState*, PyThreadState_New, (PyInterpreterState*)) \
    X(PyThreadState*, PyThreadState_Get, ()) \
    X(PyThreadState*, PyThreadState_Swap, (PyThreadState*)) \
    X(void, PyThreadState_Clear, (PyThreadState*)) \
    X(void, PyThreadState_DeleteCurrent, ()) \
    X(PyThreadState*, PyThreadState_Next, (PyThreadState*)) \
    X(int, PyThreadState_SetAsyncExc, (unsigned long, PyObject*)) \
    X(PyInterpreterState*, PyInterpreterState_Main, ()) \
    X(PyInterpreterState*, PyInterpreterState_Get, ()) \
    X(PyInterpreterState*, PyThreadState_GetInterpreter, (PyThreadState*)) \
    X(PyThreadState*, PyInterpreterState_ThreadHead, (PyInterpreterState*)) \
    X(void, Py_EndInterpreter, (PyThreadState*)) \
    X(unsigned long, PyThread_get_thread_ident, ()) \
    X(PyThreadState*, PyGILState_GetThisThreadState, ()) \
    X(PyObject*, PyLong_FromUnsignedLong, (unsigned long)) \
    X(void, Py_IncRef, (PyObject*)) \
    X(void, Py_DecRef, (PyObject*)) \
    X(PyObject*, PyObject_Type, (PyObject*)) \
    X(PyObject*, PyObject_Str, (PyObject*)) \
    X(PyObject*, PyObject_Repr, (PyObject*)) \
    X(int, PyObject_IsTrue, (PyObject*)) \
    X(PyObject*, PyObject_CallOneArg, (PyObject*, PyObject*)) \
    X(PyObject*, PyObject_CallObject, (PyObject*, PyObject*)) \
    X(PyObject*, PyObject_GetAttrString, (PyObject*, const char*)) \
    X(PyObject*, PyErr_Occurred, ()) \
    X(void, PyErr_Clear, ()) \
    X(void, PyErr_SetNone, (PyObject*)) \
    X(void, PyErr_SetString, (PyObject*, const char*)) \
    X(void, PyErr_Fetch, (PyObject**, PyObject**, PyObject**)) \
    X(void, PyErr_NormalizeException, (PyObject**, PyObject**, PyObject**)) \
    X(int, PyException_SetTraceback, (PyObject*, PyObject*)) \
    X(PyObject*, PyDict_New, ()) \
    X(int, PyDict_SetItem, (PyObject*, PyObject*, PyObject*)) \
    X(int, PyDict_SetItemString, (PyObject*, const char*, PyObject*)) \
    X(PyObject*, PyDict_GetItemString, (PyObject*, const char*)) \
    X(int, PyDict_Next, (PyObject*, PySize*, PyObject**, PyObject**)) \
    X(PyObject*, PyDict_Copy, (PyObject*)) \
    X(PySize, PyDict_Size, (PyObject*)) \
    X(PyObject*, PyList_New, (PySize)) \
    X(int, PyList_SetItem, (PyObject*, PySize, PyObject*)) \
    X(PySize, PyList_Size, (PyObject*)) \
    X(PyObject*, PyList_GetItem, (PyObject*, PySize)) \
    X(PyObject*, PyList_AsTuple, (PyObject*)) \
    X(PyObject*, PyTuple_New, (PySize)) \
    X(int, PyTuple_SetItem, (PyObject*, PySize, PyObject*)) \
    X(PySize, PyTuple_Size, (PyObject*)) \
    X(PyObject*, PyTuple_GetItem, (PyObject*, PySize)) \
    X(PyObject*, PyLong_FromLongLong, (long long)) \
    X(PyObject*, PyLong_FromString, (const char*, char**, int)) \
    X(long long, PyLong_AsLongLong, (PyObject*)) \
    X(long long, PyLong_AsLongLongAndOverflow, (PyObject*, int*)) \
    X(PyObject*, PyLong_FromVoidPtr, (void*)) \
    X(void*, PyLong_AsVoidPtr, (PyObject*)) \
    X(PyObject*, PyFloat_FromDouble, (double)) \
    X(double, PyFloat_AsDouble, (PyObject*)) \
    X(double, PyOS_string_to_double, (const char*, char**, PyObject*)) \
    X(char*, PyOS_double_to_string, (double, char, int, int, int*)) \
    X(void, PyMem_Free, (void*)) \
    X(PyObject*, PyUnicode_FromKindAndData, (int, const void*, PySize)) \
    X(PyObject*, PyUnicode_DecodeUTF8, (const char*, PySize, const char*)) \
    X(PyObject*, PyUnicode_DecodeFSDefaultAndSize, (const char*, PySize)) \
    X(const char*, PyUnicode_AsUTF8AndSize, (PyObject*, PySize*)) \
    X(PyObject*, PyUnicode_AsEncodedString, (PyObject*, const char*, const char*)) \
    X(PyObject*, PyBytes_FromStringAndSize, (const char*, PySize)) \
    X(int, PyBytes_AsStringAndSize, (PyObject*, char**, PySize*)) \
    X(PyObject*, PyMarshal_ReadObjectFromString, (const char*, PySize)) \
    X(PyObject*, PyMarshal_WriteObjectToString, (PyObject*, int)) \
    X(PyObject*, Py_CompileString, (const char*, const char*, int)) \
    X(PyObject*, PyEval_EvalCode, (PyObject*, PyObject*, PyObject*)) \
    X(PyObject*, PyEval_GetBuiltins, ()) \
    X(PyObject*, PyCFunction_NewEx, (PyMethodDef*, PyObject*, PyObject*))

// Of 3.12 and later, of some versions only, or not indispensable; what lacks them loses a capability, not the engine.
#define PYVM_OPTIONAL_FUNCTIONS(X) \
    X(PyStatus, Py_NewInterpreterFromConfig, (PyThreadState**, const PyInterpreterConfig*)) \
    X(void, PyObject_SetArenaAllocator, (PyObjectArenaAllocator*)) \
    X(void, PyMem_GetAllocator, (int, PyMemAllocatorEx*)) \
    X(void, PyMem_SetAllocator, (int, PyMemAllocatorEx*)) \
    X(void, PyUnicode_InternInPlace, (PyObject**)) \
    X(PyFrameObject*, PyThreadState_GetFrame, (PyThreadState*)) \
    X(PyObject*, PyFrame_GetCode, (PyFrameObject*)) \
    X(void, PyEval_SetTrace, (PyTraceFunction, PyObject*)) \
    X(void, PyEval_SetTraceAllThreads, (PyTraceFunction, PyObject*)) \
    X(int, _PyEval_SetTrace, (PyThreadState*, PyTraceFunction, PyObject*)) \
    X(PyObject*, PyList_GetItemRef, (PyObject*, PySize)) \
    X(PyThreadState*, PyThreadState_GetUnchecked, ()) \
    X(PyThreadState*, _PyThreadState_UncheckedGet, ()) \
    X(void, _Py_InitializeRecursionLimits, (PyThreadState*)) \
    X(int, PyUnstable_ThreadState_SetStackProtection, (PyThreadState*, void*, std::size_t)) \
    X(void, PyUnstable_ThreadState_ResetStackProtection, (PyThreadState*)) \
    X(void, _Py_Dealloc, (PyObject*)) \
    X(void, Py_SetProgramName, (const wchar_t*)) \
    X(PyInitConfig*, PyInitConfig_Create, ()) \
    X(void, PyInitConfig_Free, (PyInitConfig*)) \
    X(int, PyInitConfig_SetStr, (PyInitConfig*, const char*, const char*)) \
    X(int, PyInitConfig_GetError, (PyInitConfig*, const char**)) \
    X(int, Py_InitializeFromInitConfig, (PyInitConfig*))

#define PYVM_REQUIRED_DATA(X) \
    X(PyObject, _Py_NoneStruct) \
    X(PyObject, _Py_TrueStruct) \
    X(PyObject, _Py_FalseStruct) \
    X(PyObject, PyDict_Type) \
    X(PyObject, PyList_Type) \
    X(PyObject, PyTuple_Type) \
    X(PyObject, PyUnicode_Type) \
    X(PyObject, PyLong_Type) \
    X(PyObject, PyFloat_Type) \
    X(PyObject, PyCoro_Type) \
    X(PyObject*, PyExc_RuntimeError)

#define PYVM_OPTIONAL_DATA(X) \
    X(PyObject, PyModuleDef_Type) \
    X(PyObject*, PyExc_RecursionError)

// clang-format on

struct PythonApi {
#define X(result, name, arguments) result(*name) arguments = nullptr;
    PYVM_REQUIRED_FUNCTIONS(X)
    PYVM_OPTIONAL_FUNCTIONS(X)
#undef X
#define X(type, name) type* name = nullptr;
    PYVM_REQUIRED_DATA(X)
    PYVM_OPTIONAL_DATA(X)
#undef X

    // Whether this is a free-threaded build: objects of one interpreter may change under another thread's hands.
    bool without_gil = false;

    // Where an object says of which type it is, in bytes from its begin; 0 where that could not be found out.
    std::size_t type_at = 0;
    // Whether an object begins with its reference count, as it does in builds with a GIL that do not list all objects: then it
    // is counted in place, as extensions compiled for the stable ABI do.
    bool counts_in_place = false;
    // Looks at some objects for both. Attached threads only; once, before the first call.
    void find_layout();

    // Fills the table from a library opened with dlopen. Returns the names that it lacks; empty is success. What the variable
    // PYVM_TEST_WITHOUT names, separated by commas, counts as lacking.
    std::vector<std::string> resolve(void* library);
};

// The table of the one CPython of this process; filled once, before any thread of the addon starts.
extern PythonApi py;

// Its count, where `counts_in_place`: the lower half of that word, which is negative for an object that lives for ever.
inline std::uint32_t& count_of(PyObject* object) { return *reinterpret_cast<std::uint32_t*>(object); }

inline void add_reference(PyObject* object) {
    if (!py.counts_in_place) return py.Py_IncRef(object);
    std::uint32_t& count = count_of(object);
    if (static_cast<std::int32_t>(count) >= 0) count++;
}

inline void drop_reference(PyObject* object) {
    if (!py.counts_in_place) return py.Py_DecRef(object);
    std::uint32_t& count = count_of(object);
    if (static_cast<std::int32_t>(count) >= 0 && --count == 0) py._Py_Dealloc(object);
}

// Its type, borrowed from it.
inline PyObject* type_of(PyObject* object) {
    if (py.type_at != 0) return *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(object) + py.type_at);
    PyObject* type = py.PyObject_Type(object);
    drop_reference(type);
    return type;
}

}  // namespace pyvm
