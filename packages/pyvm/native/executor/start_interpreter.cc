#include "executor/start_interpreter.h"

#include <mutex>

#include "bridge/home.h"
#include "bridge/output.h"
#include "cpython/arenas.h"
#include "cpython/library.h"
#include "cpython/python_thread.h"
#include "executor/abort.h"
#include "executor/host_module.h"
#include "interpreter/bootstrap.h"
#include "interpreter/extension_init.h"
#include "interpreter/failure.h"
#include "platform/process_environment.h"

namespace pyvm {

namespace {

int dlopen_flags = 0;
// Where CPython could not be told of it.
std::string executable;
// From 3.14 on code may hold slices, which are written from version 5 of the format on; earlier CPythons take that for 4.
constexpr int kMarshalVersion = 5;

// The bootstrap's code, marshalled by the main interpreter: sub-interpreters load code, not source.
std::string bootstrap_code;
// Making and ending interpreters at the same time is where CPython has had its races; neither is frequent.
std::mutex& lifecycle() {
    static auto* mutex = new std::mutex;
    return *mutex;
}

std::string pending_error() {
    Ref error = fetch_exception();
    Ref text = Ref::steal(error ? py.PyObject_Repr(error.get()) : nullptr);
    if (!text) py.PyErr_Clear();
    return text ? text_of(text.get()) : "an unknown error";
}

Ref compile_bootstrap() {
    Ref code = Ref::steal(py.Py_CompileString(kBootstrapSource, kBootstrapFile, 257 /* Py_file_input */));
    if (!code) return code;
    Ref bytes = Ref::steal(py.PyMarshal_WriteObjectToString(code.get(), kMarshalVersion));
    char* data = nullptr;
    PySize size = 0;
    if (!bytes || py.PyBytes_AsStringAndSize(bytes.get(), &data, &size) != 0) return Ref();
    bootstrap_code.assign(data, size);
    return code;
}

PyObject* keep_to_thread(PyObject* self, PyObject*) {
    static_cast<Interpreter*>(py.PyLong_AsVoidPtr(self))->keeps_to_thread.store(true);
    py.Py_IncRef(py._Py_NoneStruct);
    return py._Py_NoneStruct;
}

PyMethodDef keep_method = {"_keep_to_thread", keep_to_thread, kMethodNoArgs, nullptr};

Ref make_keep_function(Interpreter& interpreter) {
    Ref self = Ref::steal(py.PyLong_FromVoidPtr(&interpreter));
    return Ref::steal(py.PyCFunction_NewEx(&keep_method, self.get(), nullptr));
}

// Runs the bootstrap in the interpreter that the thread is attached to. Returns what is wrong, or an empty string.
std::string run_bootstrap(Interpreter& interpreter) {
    Ref code = bootstrap_code.empty()
                   ? compile_bootstrap()
                   : Ref::steal(py.PyMarshal_ReadObjectFromString(bootstrap_code.data(), bootstrap_code.size()));
    Ref globals = Ref::steal(py.PyDict_New());
    if (!code || !globals) return pending_error();
    auto set = [&](const char* name, Ref value) { py.PyDict_SetItemString(globals.get(), name, value.get()); };
    set("__builtins__", Ref::share(py.PyEval_GetBuiltins()));
    set("__name__", Ref::steal(py.PyUnicode_DecodeUTF8("_pyvm", 5, nullptr)));
    set("__file__", Ref::steal(py.PyUnicode_DecodeUTF8(kBootstrapFile, sizeof kBootstrapFile - 1, nullptr)));
    set("_write", make_write_function(interpreter));
    set("_trace", make_trace_function());
    set("get_ident", make_identity_function());
    set("_current_program", make_current_program_function());
    set("_keep_to_thread", make_keep_function(interpreter));
    set("_carried", Ref::share(can_be_carried() ? py._Py_TrueStruct : py._Py_FalseStruct));
    set("_host_call", make_host_call_function(interpreter));
    set("_try_init", make_try_init_function());
    set("_dlopen_flags", Ref::steal(py.PyLong_FromLongLong(dlopen_flags)));
    set("_executable", Ref::steal(py.PyUnicode_DecodeUTF8(executable.data(), executable.size(), nullptr)));
    set("_without_gil", Ref::share(py.without_gil ? py._Py_TrueStruct : py._Py_FalseStruct));
    set("_own", Ref::share(interpreter.own_gil ? py._Py_TrueStruct : py._Py_FalseStruct));
    if (!Ref::steal(py.PyEval_EvalCode(code.get(), globals.get(), globals.get()))) return pending_error();

    auto get = [&](const char* name) { return Ref::share(py.PyDict_GetItemString(globals.get(), name)); };
    Support& support = interpreter.support;
    support.describe = get("describe");
    support.loads = get("loads");
    support.dumps = get("dumps");
    support.call_aborted = get("CallAborted");
    support.call_stopped = get("_CallStopped");
    support.compile_source = get("compile_source");
    support.load = get("load");
    support.unload = get("unload");
    support.run = get("run");
    support.cancel = get("cancel");
    support.stop = get("stop");
    support.end_loop = get("end_loop");
    support.recover = get("recover");
    support.heed = get("heed");
    support.warm_up = get("warm_up");
    support.shutdown = get("shutdown");
    support.whose = get("_whose");
    support.host_failure = get("host_failure");
    support.keep_extension = get("keep_extension");
    support.standard_library = text_of(get("_standard_library").get());
    if (interpreter.own_gil) return {};
    Ref prepare = get("prepare");
    return Ref::steal(py.PyObject_CallObject(prepare.get(), nullptr)) ? "" : pending_error();
}

std::string initialise_isolated() {
    auto config = std::make_unique<PyConfig>();
    py.PyConfig_InitIsolatedConfig(config.get());
    PyStatus status = py.Py_InitializeFromConfig(config.get());
    py.PyConfig_Clear(config.get());
    return status.type == 0 ? "" : status.message != nullptr ? status.message : "it could not be initialised";
}

// PEP 741, from 3.14 on: isolated as well, and takes the place of Py_SetProgramName.
std::string initialise_by_name(const StartOptions& options) {
    PyInitConfig* config = py.PyInitConfig_Create();
    if (config == nullptr) return "the system has no memory left for it";
    const char* problem = nullptr;
    bool done = py.PyInitConfig_SetStr(config, "program_name", options.program_name.c_str()) == 0 &&
                py.Py_InitializeFromInitConfig(config) == 0;
    if (!done) py.PyInitConfig_GetError(config, &problem);
    std::string told = done ? "" : problem != nullptr ? problem : "it could not be initialised";
    py.PyInitConfig_Free(config);
    return told;
}

std::string initialise(const StartOptions& options) {
    PyPreConfig before{};
    if (options.environment) {
        py.PyPreConfig_InitPythonConfig(&before);
        before.parse_argv = 0;
        before.configure_locale = 0;  // the locale is the host's
        before.coerce_c_locale = 0;
    } else {
        py.PyPreConfig_InitIsolatedConfig(&before);
    }
    before.utf8_mode = 1;
    if (options.system_allocator) before.allocator = 3;
    PyStatus status = py.Py_PreInitialize(&before);
    if (status.type != 0) return status.message != nullptr ? status.message : "it could not be pre-initialised";
    install_arenas();
    show_environment();

    if (py.Py_SetProgramName != nullptr && !options.program_name.empty()) {
        // Kept by CPython for the life of the process.
        if (wchar_t* name = py.Py_DecodeLocale(options.program_name.c_str(), nullptr)) py.Py_SetProgramName(name);
    }
    if (py.Py_SetProgramName == nullptr) executable = options.program_name;
    if (options.environment) {
        py.Py_InitializeEx(0);  // 0: no signal handlers, they are Node's
        return {};
    }
    return py.Py_SetProgramName == nullptr && py.Py_InitializeFromInitConfig != nullptr ? initialise_by_name(options)
                                                                                        : initialise_isolated();
}

// Thread states of the interpreter that the calling thread is attached to.
int count_thread_states(PyInterpreterState* state) {
    int count = 0;
    for (auto* each = py.PyInterpreterState_ThreadHead(state); each != nullptr; each = py.PyThreadState_Next(each)) count++;
    return count;
}

}  // namespace

std::string start_main_interpreter(const StartOptions& options, Interpreter& interpreter) {
    std::string problem = open_library(options.library, options.deep_binding);
    if (!problem.empty()) return problem;
    if (py.Py_IsInitialized() != 0) return "another part of this process has already started this CPython";
    dlopen_flags = extension_dlopen_flags(options.deep_binding);
    problem = initialise(options);
    if (!problem.empty()) return problem;
    interpreter.state = py.PyInterpreterState_Main();
    set_main_interpreter(interpreter);
    py.find_layout();
    find_whether_carried();
    return run_bootstrap(interpreter);
}

PyThreadState* start_sub_interpreter(Interpreter& interpreter, std::string& error) {
    std::scoped_lock lock(lifecycle());
    show_environment();
    PyThreadState* in_main = py.PyThreadState_New(main_interpreter().state);
    py.PyEval_RestoreThread(in_main);
    PyInterpreterConfig config{};
    config.use_main_obmalloc = 0;
    config.allow_fork = 0;
    config.allow_exec = 0;
    config.allow_threads = 1;
    config.allow_daemon_threads = 0;
    config.check_multi_interp_extensions = 1;
    config.gil = kOwnGil;
    PyThreadState* thread_state = nullptr;
    PyStatus status = py.Py_NewInterpreterFromConfig(&thread_state, &config);
    bool made = status.type == 0 && thread_state != nullptr;
    if (made) {
        interpreter.own_gil = true;
        interpreter.state = py.PyInterpreterState_Get();
        error = run_bootstrap(interpreter);
        py.PyEval_SaveThread();
        py.PyEval_RestoreThread(in_main);
    } else {
        error = status.message != nullptr ? status.message : "CPython could not make a sub-interpreter";
    }
    py.PyThreadState_Clear(in_main);
    py.PyThreadState_DeleteCurrent();
    if (!made) return nullptr;
    py.PyEval_RestoreThread(thread_state);
    if (error.empty()) return thread_state;
    interpreter.support = {};
    py.Py_EndInterpreter(thread_state);
    return nullptr;
}

bool end_sub_interpreter(Interpreter& interpreter, PyThreadState* thread_state) {
    if (!Ref::steal(py.PyObject_CallObject(interpreter.support.shutdown.get(), nullptr))) py.PyErr_Clear();
    if (count_thread_states(interpreter.state) > 1) {
        py.PyEval_SaveThread();
        return false;
    }
    interpreter.support = {};
    py.PyEval_SaveThread();
    std::scoped_lock lock(lifecycle());
    py.PyEval_RestoreThread(thread_state);
    py.Py_EndInterpreter(thread_state);
    release_arenas(interpreter.state);
    return true;
}

}  // namespace pyvm
