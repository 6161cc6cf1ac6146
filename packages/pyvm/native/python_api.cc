#include "python_api.h"

#include <dlfcn.h>

#include <cstring>

namespace pyvm {

PythonApi py;

namespace {

template <typename Target>
void lookup(void* library, const char* name, Target& target, std::vector<std::string>* missing) {
    target = reinterpret_cast<Target>(dlsym(library, name));
    if (target == nullptr && missing != nullptr) missing->emplace_back(name);
}

}  // namespace

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
    without_gil = Py_GetVersion != nullptr && std::strstr(Py_GetVersion(), "free-threading") != nullptr;
    return missing;
}

}  // namespace pyvm
