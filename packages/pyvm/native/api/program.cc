#include "api/program.h"

#include "bridge/home.h"
#include "bridge/output.h"
#include "executor/runtime.h"

namespace pyvm {

namespace {

void settle(Completions& completions, std::uint32_t token, Failure failure) {
    auto completion = std::make_unique<Completion>();
    completion->token = token;
    completion->kind = failure ? Completion::Kind::failure : Completion::Kind::done;
    completion->failure = std::move(failure);
    completions.post(std::move(completion));
}

Ref string(const std::string& text) { return Ref::steal(py.PyUnicode_DecodeUTF8(text.data(), text.size(), nullptr)); }
Ref bytes(const std::string& data) { return Ref::steal(py.PyBytes_FromStringAndSize(data.data(), data.size())); }
Ref none() { return Ref::share(py._Py_NoneStruct); }

Ref strings(const std::vector<std::string>& texts, std::size_t from = 0) {
    Ref list = Ref::steal(py.PyList_New(texts.size() - from));
    for (std::size_t i = from; list && i < texts.size(); i++)
        py.PyList_SetItem(list.get(), i - from, string(texts[i]).release());
    return list;
}

Ref files_of(const ProgramSource& source) {
    if (!source.files) return none();
    Ref files = Ref::steal(py.PyDict_New());
    for (const auto& [path, content] : *source.files) {
        Ref name = string(path);
        Ref data = bytes(content);
        if (!name || !data || py.PyDict_SetItem(files.get(), name.get(), data.get()) != 0) return Ref();
    }
    return files;
}

template <typename... Values>
Ref call(PyObject* function, Values... values) {
    Ref arguments = Ref::steal(py.PyTuple_New(sizeof...(values)));
    PySize at = 0;
    bool complete = true;
    auto add = [&](Ref value) {
        complete = complete && value;
        py.PyTuple_SetItem(arguments.get(), at++, value.release());
    };
    (add(std::move(values)), ...);
    return complete ? Ref::steal(py.PyObject_CallObject(function, arguments.get())) : Ref();
}

// Takes the functions that load() found into the executor.
Failure adopt(Executor& executor, const ProgramSource& source, PyObject* functions) {
    Guest& guest = executor.guest();
    std::string missing;
    for (std::size_t i = 0; i < source.exports.size(); i++) {
        PyObject* function = py.PyList_GetItem(functions, i);
        if (function == py._Py_NoneStruct) missing += (missing.empty() ? "" : ", ") + source.exports[i];
        guest.functions.push_back(Ref::share(function));
    }
    auto rule = [&](PySize at) {
        PyObject* found = py.PyList_GetItem(functions, static_cast<PySize>(source.exports.size()) + at);
        return found == py._Py_NoneStruct ? Ref() : Ref::share(found);
    };
    guest.json = {rule(0), rule(1), rule(2)};
    if (missing.empty()) return {};
    return fail("ERR_EXT_UNKNOWN_FUNCTION", source.filename + " defines no top-level function " + missing);
}

Failure load(Executor& executor, const ProgramSource& source) {
    Ref code = Ref::steal(py.PyMarshal_ReadObjectFromString(source.code.data(), source.code.size()));
    if (!code) return take_exception(executor.interpreter());
    Guest& guest = executor.guest();
    guest.program = source.program;
    guest.bounds = source.bounds;
    guest.output = source.output;
    Ref venv = none();
    if (!source.venv.empty()) venv = strings(source.venv);
    Ref loaded = call(executor.interpreter().support.load.get(), std::move(code), string(source.filename), string(source.stem),
                      Ref::steal(py.PyLong_FromLongLong(source.program)), strings(source.exports), string(source.folder),
                      files_of(source), strings(source.paths), std::move(venv),
                      Ref::share(source.extended_json ? py._Py_TrueStruct : py._Py_FalseStruct),
                      source.config.empty() ? none() : string(source.config));
    return loaded ? adopt(executor, source, loaded.get()) : take_exception(executor.interpreter());
}

}  // namespace

void CompileJob::refuse(const Failure& failure) { settle(*completions, token, failure); }

void CompileJob::run(Executor& executor) {
    Ref code = call(executor.interpreter().support.compile_source.get(), bytes(source), string(filename));
    char* data = nullptr;
    PySize size = 0;
    if (!code || py.PyBytes_AsStringAndSize(code.get(), &data, &size) != 0) {
        settle(*completions, token, take_exception(executor.interpreter()));
        return;
    }
    auto completion = std::make_unique<Completion>();
    completion->kind = Completion::Kind::bytes;
    completion->token = token;
    completion->text.assign(data, size);
    completions->post(std::move(completion));
}

void LoadJob::refuse(const Failure& failure) { settle(*completions, token, failure); }

void LoadJob::run(Executor& executor) {
    if (executor.interpreter().own_gil) executor.interpreter().program = source.program;
    set_current_program(source.program);
    cancellation->number.store(executor.gate().next());
    executor.enter_gate(Caller::elsewhere);
    Failure failure;
    if (!cancellation->requested.load()) failure = load(executor, source);
    bool interrupted = executor.gate().leave() != AbortGate::Left::untouched;
    if (interrupted) recover(executor.interpreter());
    bool aborted = interrupted || cancellation->requested.load();
    flush_output();
    settle(*completions, token, aborted ? stopped() : std::move(failure));
}

}  // namespace pyvm
