#include "bridge/home.h"

#include <mutex>
#include <unordered_map>

#include "interpreter/interpreter.h"
#include "platform/thread.h"

namespace pyvm {

namespace {

struct Homes {
    std::mutex mutex;
    std::unordered_map<std::int64_t, Home> by_program;
};

// Never destroyed: guests may print while the process ends.
Homes& homes() {
    static auto* all = new Homes;
    return *all;
}

PYVM_HOT_THREAD_LOCAL std::int64_t current = 0;

PyObject* current_program_function(PyObject*, PyObject*) { return py.PyLong_FromLongLong(current); }

PyMethodDef current_program_method = {"_current_program", current_program_function, kMethodNoArgs, nullptr};

}  // namespace

void add_home(std::int64_t program, Home home) {
    Homes& all = homes();
    std::scoped_lock lock(all.mutex);
    all.by_program[program] = std::move(home);
}

Home home_of(std::int64_t program) {
    Homes& all = homes();
    std::scoped_lock lock(all.mutex);
    auto found = all.by_program.find(program);
    return found == all.by_program.end() ? Home{} : found->second;
}

void remove_home(std::int64_t program) {
    Homes& all = homes();
    std::scoped_lock lock(all.mutex);
    all.by_program.erase(program);
}

void close_home(std::int64_t program) {
    Homes& all = homes();
    std::scoped_lock lock(all.mutex);
    auto found = all.by_program.find(program);
    if (found != all.by_program.end()) found->second.serves = false;
}

std::int64_t current_program() { return current; }

void set_current_program(std::int64_t program) { current = program; }

Ref make_current_program_function() { return Ref::steal(py.PyCFunction_NewEx(&current_program_method, nullptr, nullptr)); }

std::int64_t program_here(const Interpreter& interpreter) { return interpreter.own_gil ? interpreter.program.load() : current; }

}  // namespace pyvm
