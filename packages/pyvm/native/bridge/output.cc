#include "bridge/output.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "bridge/completions.h"
#include "bridge/home.h"
#include "interpreter/interpreter.h"

namespace pyvm {

namespace {

// A line without an end is sent in pieces of this size.
constexpr std::size_t kLongestLine = 64 * 1024;

// What a thread has printed since its last newline.
struct Line {
    std::int64_t program = 0;
    int level = 1;
    std::string text;
};

thread_local Line line;
thread_local bool speaks_for_call = false;

// `attached`: the thread is, to an interpreter.
void send(std::int64_t program, int level, std::string text, bool attached) {
    Home home = home_of(program);
    auto destination = home.completions;
    if (destination == nullptr) return;
    if (home.output != nullptr && !home.output->take(static_cast<std::int64_t>(text.size()))) return;
    auto completion = std::make_unique<Completion>();
    completion->kind = Completion::Kind::output;
    completion->program = program;
    completion->level = level;
    completion->of_call = speaks_for_call;
    completion->text = std::move(text);
    if (home.hands_over && attached) {
        destination->hand_over(std::move(completion));
    } else {
        destination->post(std::move(completion));
    }
}

void write(std::int64_t program, int level, const char* text, std::size_t size) {
    if (line.program != program || line.level != level) {
        flush_output();
        line.program = program;
        line.level = level;
    }
    const char* end = text + size;
    while (text < end) {
        auto* newline = static_cast<const char*>(std::memchr(text, '\n', end - text));
        const char* stop = std::min(newline != nullptr ? newline : end, text + (kLongestLine - line.text.size()));
        line.text.append(text, stop);
        if (stop == newline || line.text.size() == kLongestLine) send(program, level, std::exchange(line.text, {}), true);
        text = stop == newline ? stop + 1 : stop;
    }
}

PyObject* write_function(PyObject* self, PyObject* args) {
    auto* interpreter = static_cast<Interpreter*>(py.PyLong_AsVoidPtr(self));
    auto level = static_cast<int>(py.PyLong_AsLongLong(py.PyTuple_GetItem(args, 0)));
    std::int64_t program = py.PyLong_AsLongLong(py.PyTuple_GetItem(args, 2));
    bool known = true;
    interpreter->prints.store(true, std::memory_order_relaxed);
    if (program == -1) {
        program = program_here(*interpreter);
        known = interpreter->own_gil || program != 0;
    }
    if (known && program > 0) {
        std::string text = text_of(py.PyTuple_GetItem(args, 1));
        write(program, level, text.data(), text.size());
    }
    PyObject* result = known ? py._Py_TrueStruct : py._Py_FalseStruct;
    add_reference(result);
    return result;
}

PyMethodDef write_method = {"_write", write_function, kMethodVarArgs, nullptr};

}  // namespace

Ref make_write_function(Interpreter& interpreter) {
    Ref self = Ref::steal(py.PyLong_FromVoidPtr(&interpreter));
    return Ref::steal(py.PyCFunction_NewEx(&write_method, self.get(), nullptr));
}

bool set_speaks_for_call(bool speaks) { return std::exchange(speaks_for_call, speaks); }

void flush_output() {
    if (!line.text.empty()) send(line.program, line.level, std::exchange(line.text, {}), false);
}

}  // namespace pyvm
