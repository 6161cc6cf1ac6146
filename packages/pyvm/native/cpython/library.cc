#include "cpython/library.h"

#include <dlfcn.h>

#include "cpython/python_api.h"
#include "platform/process_environment.h"

#ifndef RTLD_DEEPBIND  // glibc alone has it; macOS binds by library anyway
#define RTLD_DEEPBIND 0
#endif

namespace pyvm {

int extension_dlopen_flags(bool deep_binding) { return RTLD_NOW | (deep_binding ? RTLD_DEEPBIND : 0); }

std::string open_library(const std::string& path, bool deep_binding) {
    void* library = dlopen(path.c_str(), extension_dlopen_flags(deep_binding) | RTLD_GLOBAL);
    if (library == nullptr) return dlerror();
    auto missing = py.resolve(library);
    if (missing.empty()) {
        find_environment(library);
        return {};
    }
    std::string message = "it is not a CPython of 3.11 or later; it lacks";
    for (const auto& name : missing) message += " " + name;
    return message;
}

}  // namespace pyvm
