// Starts the interpreter, with nothing of the host's: no environment, no arguments, no site, no signal handlers.
#include <cstring>

#include "shim.h"

namespace pywasm {

Support support;
Answer answer;

namespace {

PyObject* host_module() { return make_host_module(); }

Status cannot_start(PyStatus status) {
    answer.text = status.err_msg != nullptr ? status.err_msg : "unknown";
    answer.length = std::strlen(answer.text);
    return kBroken;
}

PyStatus configure(PyConfig& config, std::uint32_t hash_seed) {
    PyConfig_InitIsolatedConfig(&config);
    config.use_hash_seed = 1;
    config.hash_seed = hash_seed;
    config.site_import = 0;
    config.buffered_stdio = 0;
    config.write_bytecode = 0;
    config.install_signal_handlers = 0;
    config.parse_argv = 0;
    config.pathconfig_warnings = 0;
    config.code_debug_ranges = 1;
    config.module_search_paths_set = 1;
    PyWideStringList_Append(&config.module_search_paths, L"/lib");
    struct {
        wchar_t** place;
        const wchar_t* text;
    } texts[] = {{&config.executable, L""},     {&config.base_executable, L""}, {&config.prefix, L"/"},
                 {&config.exec_prefix, L"/"},   {&config.base_prefix, L"/"},    {&config.base_exec_prefix, L"/"},
                 {&config.stdlib_dir, L"/lib"}, {&config.platlibdir, L"lib"},   {&config.home, L"/"}};
    for (auto& each : texts) {
        PyStatus status = PyConfig_SetString(&config, each.place, each.text);
        if (PyStatus_Exception(status)) return status;
    }
    return Py_InitializeFromConfig(&config);
}

// Runs the Python half, of which `support` is what it defines.
Status boot(std::string_view source) {
    Ref text = Ref::steal(PyUnicode_DecodeUTF8(source.data(), source.size(), nullptr));
    const char* code_text = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
    Ref code = Ref::steal(code_text ? Py_CompileString(code_text, "<extruntime>", Py_file_input) : nullptr);
    Ref names = Ref::steal(PyDict_New());
    if (!code || !names) return fail();
    PyDict_SetItemString(names.get(), "__builtins__", PyEval_GetBuiltins());
    Ref file = Ref::steal(PyUnicode_FromString("<extruntime>"));
    PyDict_SetItemString(names.get(), "__file__", file.get());
    Ref done = Ref::steal(PyEval_EvalCode(code.get(), names.get(), names.get()));
    if (!done) return fail();
    struct {
        const char* name;
        Ref& place;
    } wanted[] = {{"describe_text", support.describe},
                  {"load_text", support.load},
                  {"loads", support.loads},
                  {"dumps", support.dumps},
                  {"begin", support.begin},
                  {"go_on", support.go_on},
                  {"take", support.take},
                  {"cancel", support.cancel},
                  {"answered", support.answered},
                  {"host_failure", support.failure},
                  {"renew", support.renew}};
    for (auto& each : wanted) {
        each.place = Ref::share(PyDict_GetItemString(names.get(), each.name));
        if (each.place) continue;
        PyErr_SetString(PyExc_SystemError, each.name);
        return fail();
    }
    return kDone;
}

}  // namespace

Status fail(Status status) {
    static Ref kept;
    Ref error = Ref::steal(PyErr_GetRaisedException());
    answer.text = nullptr;
    answer.length = 0;
    kept = Ref::steal(error && support.describe ? PyObject_CallOneArg(support.describe.get(), error.get()) : nullptr);
    Py_ssize_t size = 0;
    const char* text = kept ? PyUnicode_AsUTF8AndSize(kept.get(), &size) : nullptr;
    if (text == nullptr) {
        PyErr_Clear();
        return kBroken;
    }
    answer.text = text;
    answer.length = size;
    return status;
}

}  // namespace pywasm

namespace {

pywasm::Buffer input;

}  // namespace

EXPORTED("ext_room") char* ext_room(std::size_t size) { return input.room(size); }

EXPORTED("ext_answer") pywasm::Answer* ext_answer() { return &pywasm::answer; }

// Starts the interpreter with a seed for hashes, and runs the Python half, whose source is in `ext_room`.
EXPORTED("ext_start") int ext_start(std::size_t length, std::uint32_t hash_seed) {
    using namespace pywasm;
    PyPreConfig early;
    PyPreConfig_InitIsolatedConfig(&early);
    early.utf8_mode = 1;
    early.configure_locale = 0;
    PyStatus status = Py_PreInitialize(&early);
    if (PyStatus_Exception(status)) return cannot_start(status);
    PyImport_AppendInittab("_host", host_module);
    PyConfig config;
    status = configure(config, hash_seed);
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status)) return cannot_start(status);
    return boot(input.text(length));
}

namespace pywasm {

std::string_view input_text(std::size_t length) { return input.text(length); }

}  // namespace pywasm
