// CPython's C API under the names by which pyvm's reader and writer of JSON call it. Here CPython is linked in, so its own
// header says what it looks like; in pyvm, whose header this one stands in for, it is looked up at run time.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

namespace pyvm {

using ::PyObject;
using PySize = Py_ssize_t;

constexpr int kFloatAddDotZero = Py_DTSF_ADD_DOT_0;

inline PyObject* type_of(PyObject* object) { return reinterpret_cast<PyObject*>(Py_TYPE(object)); }
inline void add_reference(PyObject* object) { Py_INCREF(object); }
inline void drop_reference(PyObject* object) { Py_DECREF(object); }

struct PythonApi {
    static constexpr bool without_gil = false;

#define PYWASM_FUNCTION(name) static constexpr auto name = &::name;
    PYWASM_FUNCTION(PyBytes_AsStringAndSize)
    PYWASM_FUNCTION(PyDict_Copy)
    PYWASM_FUNCTION(PyDict_New)
    PYWASM_FUNCTION(PyDict_Next)
    PYWASM_FUNCTION(PyDict_SetItem)
    PYWASM_FUNCTION(PyErr_Clear)
    PYWASM_FUNCTION(PyErr_Occurred)
    PYWASM_FUNCTION(PyErr_SetString)
    PYWASM_FUNCTION(PyFloat_AsDouble)
    PYWASM_FUNCTION(PyFloat_FromDouble)
    PYWASM_FUNCTION(PyList_GetItem)
    PYWASM_FUNCTION(PyList_GetItemRef)
    PYWASM_FUNCTION(PyList_New)
    PYWASM_FUNCTION(PyList_SetItem)
    PYWASM_FUNCTION(PyList_Size)
    PYWASM_FUNCTION(PyLong_AsLongLongAndOverflow)
    PYWASM_FUNCTION(PyLong_FromLongLong)
    PYWASM_FUNCTION(PyLong_FromString)
    PYWASM_FUNCTION(PyMem_Free)
    PYWASM_FUNCTION(PyOS_double_to_string)
    PYWASM_FUNCTION(PyOS_string_to_double)
    PYWASM_FUNCTION(PyObject_CallOneArg)
    PYWASM_FUNCTION(PyObject_Str)
    PYWASM_FUNCTION(PyTuple_GetItem)
    PYWASM_FUNCTION(PyTuple_Size)
    PYWASM_FUNCTION(PyUnicode_AsEncodedString)
    PYWASM_FUNCTION(PyUnicode_AsUTF8AndSize)
    PYWASM_FUNCTION(PyUnicode_DecodeUTF8)
    PYWASM_FUNCTION(PyUnicode_FromKindAndData)
    PYWASM_FUNCTION(PyUnicode_InternInPlace)
#undef PYWASM_FUNCTION

#define PYWASM_OBJECT(name) static inline PyObject* const name = reinterpret_cast<PyObject*>(&::name);
    PYWASM_OBJECT(PyDict_Type)
    PYWASM_OBJECT(PyFloat_Type)
    PYWASM_OBJECT(PyList_Type)
    PYWASM_OBJECT(PyLong_Type)
    PYWASM_OBJECT(PyTuple_Type)
    PYWASM_OBJECT(PyUnicode_Type)
    PYWASM_OBJECT(_Py_FalseStruct)
    PYWASM_OBJECT(_Py_NoneStruct)
    PYWASM_OBJECT(_Py_TrueStruct)
#undef PYWASM_OBJECT

    // A variable of CPython's, which holds the exception once it has started.
    static inline PyObject** const PyExc_RecursionError = &::PyExc_RecursionError;
};

inline constexpr PythonApi py{};

}  // namespace pyvm
