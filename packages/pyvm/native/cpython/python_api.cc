#include "cpython/python_api.h"

#include <dlfcn.h>

#include <bit>
#include <cstdlib>
#include <cstring>

namespace pyvm {

PythonApi py;

namespace {

bool taken_away(const char* name) {
    const char* names = std::getenv("PYVM_TEST_WITHOUT");
    std::size_t size = std::strlen(name);
    for (const char* at = names; at != nullptr && (at = std::strstr(at, name)) != nullptr; at += size) {
        if ((at == names || at[-1] == ',') && (at[size] == ',' || at[size] == '\0')) return true;
    }
    return false;
}

template <typename Target>
void lookup(void* library, const char* name, Target& target, std::vector<std::string>* missing) {
    target = taken_away(name) ? nullptr : reinterpret_cast<Target>(dlsym(library, name));
    if (target == nullptr && missing != nullptr) missing->emplace_back(name);
}

}  // namespace

void PythonApi::find_layout() {
    PyObject* made[] = {PyDict_New(), PyList_New(0), PyLong_FromLongLong(1ll << 40), PyFloat_FromDouble(1.5),
                        PyUnicode_FromKindAndData(1, "ab", 2)};
    PyObject* all[] = {_Py_NoneStruct, _Py_TrueStruct, made[0], made[1], made[2], made[3], made[4]};
    // Shorter than the smallest of them with a type at the last of these places.
    for (std::size_t at : {8, 16, 24}) {
        bool fits = true;
        for (PyObject* object : all) {
            PyObject* type = PyObject_Type(object);
            fits = fits && std::memcmp(reinterpret_cast<char*>(object) + at, &type, sizeof type) == 0;
            Py_DecRef(type);
            if (!fits) break;
        }
        if (!fits) continue;
        type_at = at;
        break;
    }
    // A list that nobody else has, counted up and down.
    PyObject* list = made[1];
    auto count = [list] { return count_of(list); };
    bool counts = _Py_Dealloc != nullptr && !without_gil && type_at == 8 && std::endian::native == std::endian::little;
    counts = counts && count() == 1;
    Py_IncRef(list);
    counts = counts && count() == 2;
    Py_DecRef(list);
    counts_in_place = counts && count() == 1;
    for (PyObject* object : made) Py_DecRef(object);
}

std::vector<std::string> PythonApi::resolve(void* library) {
    std::vector<std::string> missing;
#define X(result, name, arguments) lookup(library, #name, name, &missing);
    PYVM_REQUIRED_FUNCTIONS(X)
#undef X
#define X(result, name, arguments) lookup(library, #name, name, nullptr);
    PYVM_OPTIONAL_FUNCTIONS(X)
#undef X
#define X(type, name) lookup(library, #name, name, &missing);
    PYVM_REQUIRED_DATA(X)
#undef X
#define X(type, name) lookup(library, #name, name, nullptr);
    PYVM_OPTIONAL_DATA(X)
#undef X
    if (PyExc_RecursionError == nullptr) PyExc_RecursionError = PyExc_RuntimeError;
    without_gil = Py_GetVersion != nullptr && std::strstr(Py_GetVersion(), "free-threading") != nullptr;
    return missing;
}

}  // namespace pyvm
