#include "executor/host_module.h"

#include <unistd.h>

#include "bridge/completions.h"
#include "bridge/home.h"
#include "executor/executor.h"
#include "interpreter/interpreter.h"
#include "json/json_text.h"
#include "platform/thread.h"

namespace pyvm {

namespace {

// How long a thread of the guest's own waits while JavaScript's thread is in one and the same synchronous call, which may
// be waiting for that thread: looks, and milliseconds from one to the next.
constexpr int kMostLooks = 20;
constexpr int kLookAfter = 50;

// Bytes of a name that are shown.
constexpr std::size_t kShownName = 128;

// Of the process that the addon was loaded into; a fork of it has none of its threads.
const pid_t the_process = getpid();

PyObject* raise(const Interpreter& interpreter, const char* name, const char* message) {
    if (!interpreter.support.host_failure) {
        // The interpreter is at its end, and finalisers are all that still runs.
        py.PyErr_SetString(*py.PyExc_RuntimeError, message);
        return nullptr;
    }
    Ref arguments = Ref::steal(py.PyTuple_New(2));
    Ref texts[] = {Ref::steal(py.PyUnicode_DecodeUTF8(name, std::strlen(name), nullptr)),
                   Ref::steal(py.PyUnicode_DecodeUTF8(message, std::strlen(message), nullptr))};
    if (!arguments || !texts[0] || !texts[1]) return nullptr;
    for (int i : {0, 1}) py.PyTuple_SetItem(arguments.get(), i, texts[i].release());
    Ref::steal(py.PyObject_CallObject(interpreter.support.host_failure.get(), arguments.get()));
    return nullptr;
}

// The executor's while it can be had. Its thread may come here again while it converts: finalisers run at any time.
class Codec {
  public:
    explicit Codec(Executor* executor)
        : executor_(executor), codec_(executor != nullptr ? executor->take_codec() : std::make_unique<JsonCodec>()) {}
    ~Codec() {
        if (executor_ != nullptr) executor_->give_codec(std::move(codec_));
    }
    Codec(const Codec&) = delete;
    Codec& operator=(const Codec&) = delete;
    JsonCodec* operator->() { return codec_.get(); }

  private:
    Executor* executor_;
    std::unique_ptr<JsonCodec> codec_;
};

std::shared_ptr<HostCall> too_long(Interpreter& interpreter, const std::string& name, std::size_t most) {
    std::string message = "the host function " + name.substr(0, kShownName) + " takes up to " + std::to_string(most) +
                          " bytes of JSON (limits.hostCallBytes), and got more";
    raise(interpreter, "RangeError", message.c_str());
    return nullptr;
}

// With an exception pending, null.
std::shared_ptr<HostCall> make_call(Interpreter& interpreter, std::int64_t program, Executor* executor, const JsonRules& rules,
                                    PyObject* args) {
    Codec codec(executor);
    JsonWriter& writer = codec->writer;
    std::string name = text_of(py.PyTuple_GetItem(args, 0));
    // A thread of the guest's own has no executor at hand.
    std::size_t most = executor != nullptr ? executor->guest().bounds.host_call : Bounds{}.host_call;
    if (!to_json(interpreter, writer, py.PyTuple_GetItem(args, 1), most, rules))
        return writer.over() ? too_long(interpreter, name, most) : nullptr;
    return std::make_shared<HostCall>(program, std::move(name), std::string(writer.data(), writer.size()), writer.is_ascii());
}

// The value of an answer; with an exception pending, null.
PyObject* value_of(Interpreter& interpreter, Executor* executor, std::string_view answer) {
    if (answer.size() < 2) return raise(interpreter, "Error", "the host has given no answer");
    Ref value;
    {
        Codec codec(executor);
        value = from_json(interpreter, codec->reader, answer.substr(1));
    }
    if (!value || answer[0] == '=') return value.release();
    Ref arguments = Ref::steal(py.PyList_AsTuple(value.get()));
    if (arguments) Ref::steal(py.PyObject_CallObject(interpreter.support.host_failure.get(), arguments.get()));
    return nullptr;
}

// A call on its way, and the thread that made it.
class Asking {
  public:
    Asking(Interpreter& interpreter, AbortGate* gate, Home home, std::shared_ptr<HostCall> call)
        : interpreter_(interpreter), gate_(gate), home_(std::move(home)), call_(std::move(call)) {}

    // False with an exception pending.
    bool run() {
        if (gate_ == nullptr) return from_own_thread();
        Executor& executor = gate_->executor();
        return executor.caller() == Caller::here ? on_this_thread(executor) : elsewhere(executor.desk());
    }

  private:
    // The guest runs on JavaScript's thread.
    bool on_this_thread(Executor& executor) {
        bool alive = true;
        std::int64_t program = current_program();
        if (gate_->go_outside(nullptr)) {
            PyThreadState* self = py.PyEval_SaveThread();
            alive = home_.completions->host_calls().ask_now(*call_);
            py.PyEval_RestoreThread(self);
        }
        set_current_program(program);
        bool wanted = gate_->come_back();
        if (alive || !wanted) return wanted;
        // Nobody is left to return to: the worker is being ended, and waits for this thread.
        executor.abort(gate_->running());
        py.PyErr_SetNone(interpreter_.support.call_aborted.get());
        return false;
    }

    // JavaScript's thread sees to its events, or waits at a desk.
    bool elsewhere(HostDesk* desk) {
        bool open = true;
        if (gate_->go_outside([call = call_.get()] { call->interrupt(); })) {
            PyThreadState* self = py.PyEval_SaveThread();
            if (desk != nullptr) {
                desk->ask(call_);
            } else {
                open = home_.completions->ask(call_);
            }
            if (open && !call_->wait() && desk == nullptr) home_.completions->host_calls().leave(*call_);
            py.PyEval_RestoreThread(self);
        }
        if (!gate_->come_back()) return false;
        return open || closed();
    }

    // A thread that the guest has started: no abort concerns it.
    bool from_own_thread() {
        PyThreadState* self = py.PyEval_SaveThread();
        bool open = home_.completions->ask(call_);
        if (open) wait_watching();
        py.PyEval_RestoreThread(self);
        if (!open) return closed();
        if (!call_->text().empty()) return true;
        raise(interpreter_, "UnsupportedError",
              "the host cannot answer a thread of the extension's own while a synchronous call of the extension runs: call "
              "the host from the exported function itself, or have the host use invoke");
        return false;
    }

    void wait_watching() {
        std::uint64_t last = 0;
        for (int looks = 0; looks < kMostLooks; looks++) {
            if (call_->wait_for(kLookAfter)) return;
            auto executor = home_.executor.lock();
            std::uint64_t now = executor != nullptr ? executor->running_sync() : 0;
            if (now == 0 || now != last) looks = 0;
            last = now;
        }
        call_->interrupt();
        home_.completions->host_calls().leave(*call_);
    }

    bool closed() {
        raise(interpreter_, "ClosedError", "the extension is closed");
        return false;
    }

    Interpreter& interpreter_;
    AbortGate* gate_;
    Home home_;
    std::shared_ptr<HostCall> call_;
};

// The program that the current thread belongs to; 0 with an exception pending.
std::int64_t find_program(Interpreter& interpreter) {
    std::int64_t program = program_here(interpreter);
    if (program > 0) return program;
    Ref found = Ref::steal(py.PyObject_CallObject(interpreter.support.whose.get(), nullptr));
    if (!found) return 0;
    program = py.PyLong_AsLongLong(found.get());
    if (program > 0) return program;
    raise(interpreter, "Error",
          "it is not known which extension this thread belongs to: call it from a function of the extension");
    return 0;
}

// A thread may run a guest's code without running its call: finalisers, and what ends an interpreter. The addon's threads
// and JavaScript's must not wait then.
const char* refusal(const AbortGate* gate) {
    if (getpid() != the_process) return "the host is in another process than this fork of it";
    if (gate == nullptr && is_own_thread()) return "the host can be called only while a function of the extension runs";
    return nullptr;
}

PyObject* host_call(PyObject* self, PyObject* args) {
    auto& interpreter = *static_cast<Interpreter*>(py.PyLong_AsVoidPtr(self));
    AbortGate* gate = AbortGate::entered();
    if (const char* why = refusal(gate)) return raise(interpreter, "Error", why);
    std::int64_t program = find_program(interpreter);
    if (program == 0) return nullptr;
    Executor* executor = gate != nullptr ? &gate->executor() : nullptr;
    Home home = home_of(program);
    if (home.completions == nullptr) return raise(interpreter, "ClosedError", "the extension is closed");
    auto its_own = executor == nullptr ? home.executor.lock() : nullptr;
    static const JsonRules plain;
    const JsonRules& rules = executor != nullptr ? executor->guest().json : its_own != nullptr ? its_own->guest().json : plain;
    auto call = make_call(interpreter, program, executor, rules, args);
    if (call == nullptr) return nullptr;
    if (!Asking(interpreter, gate, std::move(home), call).run()) return nullptr;
    return value_of(interpreter, executor, call->text());
}

PyMethodDef host_call_method = {"_host_call", host_call, kMethodVarArgs, nullptr};

}  // namespace

Ref make_host_call_function(Interpreter& interpreter) {
    Ref self = Ref::steal(py.PyLong_FromVoidPtr(&interpreter));
    return Ref::steal(py.PyCFunction_NewEx(&host_call_method, self.get(), nullptr));
}

}  // namespace pyvm
