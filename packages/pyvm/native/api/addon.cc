// What JavaScript sees of the addon. src/addon.ts declares it, with its types.
#include <napi.h>

#include <algorithm>
#include <limits>
#include <set>

#include "api/instance.h"
#include "bridge/js_text.h"
#include "bridge/lookout.h"
#include "executor/runtime.h"

namespace pyvm {

// Of one Node environment, on its thread.
struct Environment {
    std::shared_ptr<Completions> completions;
    std::set<Instance*> instances;
    // With calls that have not ended; some may be left in it for a while when they have.
    std::vector<Instance*> busy;
    // With calls that their executors sleep through.
    std::vector<Instance*> to_wake;
    Lookout lookout;
    // A payload, while it is being handed on. A guest that runs here may have the host call another one: its own has been
    // read by then.
    std::vector<char> buffer;

    void remove(Instance* instance) {
        instances.erase(instance);
        std::erase(busy, instance);
        std::erase(to_wake, instance);
    }

    static const std::shared_ptr<Environment>& shared(napi_env env) {
        std::shared_ptr<Environment>* environment = nullptr;
        napi_get_instance_data(env, reinterpret_cast<void**>(&environment));
        return *environment;
    }
    static Environment& of(napi_env env) { return *shared(env); }

    bool look(napi_env env) {
        bool slept = !to_wake.empty();
        for (Instance* instance : to_wake) instance->wake();
        to_wake.clear();
        std::erase_if(busy, [](Instance* instance) {
            instance->listed = !instance->closed() && instance->calls() > 0;
            return !instance->listed;
        });
        auto first = std::min_element(busy.begin(), busy.end(), [](Instance* a, Instance* b) { return a->work() < b->work(); });
        if (first == busy.end()) return completions->stop_looking(env);
        double patience = lookout.patience((*first)->work(), slept);
        if (patience > 0) {
            bool found = completions->look(env, patience, (*first)->core());
            lookout.learn(found);
            if (found) return true;
        }
        return completions->stop_looking(env);
    }

    // Before the environment's own functions stop to work, since hooks run in reverse order of their making.
    static void end(void* data) {
        auto* environment = static_cast<Environment*>(data);
        for (Instance* instance : environment->instances) instance->drop();
        if (environment->completions) environment->completions->close();
    }
};

namespace {

std::vector<std::string> strings(const Napi::Value& value) {
    std::vector<std::string> texts;
    auto array = value.As<Napi::Array>();
    for (std::uint32_t i = 0; i < array.Length(); i++) texts.push_back(array.Get(i).As<Napi::String>().Utf8Value());
    return texts;
}

std::string bytes(const Napi::Value& value) {
    auto array = value.As<Napi::Uint8Array>();
    return {reinterpret_cast<const char*>(array.Data()), array.ByteLength()};
}

// [[path, bytes], …]
std::vector<std::pair<std::string, std::string>> pairs(const Napi::Value& value) {
    auto array = value.As<Napi::Array>();
    std::vector<std::pair<std::string, std::string>> pairs;
    for (std::uint32_t i = 0; i < array.Length(); i++) {
        auto pair = array.Get(i).As<Napi::Array>();
        pairs.emplace_back(pair.Get(0u).As<Napi::String>().Utf8Value(), bytes(pair.Get(1u)));
    }
    return pairs;
}

std::uint32_t number(const Napi::Value& value) { return value.As<Napi::Number>().Uint32Value(); }

Instance* instance_of(const Napi::Value& value) { return value.As<Napi::External<Instance>>().Data(); }

void complete(const std::shared_ptr<Completions>& completions, std::uint32_t token, const Failure& failure) {
    auto completion = std::make_unique<Completion>();
    completion->token = token;
    completion->kind = failure ? Completion::Kind::failure : Completion::Kind::done;
    completion->failure = failure;
    completions->post(std::move(completion));
}

// attach(settle, output, failed, ask, askNow)
void attach(const Napi::CallbackInfo& info) {
    Environment& environment = Environment::of(info.Env());
    if (environment.completions) throw Napi::Error::New(info.Env(), "pyvm's addon is attached already");
    auto function = [&](int at) { return info[at].As<Napi::Function>(); };
    environment.completions =
        std::make_shared<Completions>(info.Env(), function(0), function(1), function(2), function(3), function(4));
    napi_add_env_cleanup_hook(info.Env(), Environment::end, &environment);
}

// start(token, { library, programName, systemAllocator, environment, deepBinding })
void start(const Napi::CallbackInfo& info) {
    auto given = info[1].As<Napi::Object>();
    StartOptions options;
    options.library = given.Get("library").As<Napi::String>();
    options.program_name = given.Get("programName").As<Napi::String>();
    options.system_allocator = given.Get("systemAllocator").As<Napi::Boolean>();
    options.environment = given.Get("environment").As<Napi::Boolean>();
    options.deep_binding = given.Get("deepBinding").As<Napi::Boolean>();
    auto completions = Environment::of(info.Env()).completions;
    completions->expect();
    Runtime::get().start(
        options, [completions, token = number(info[0])](const Failure& failure) { complete(completions, token, failure); });
}

// about() → { version, ownGil, withoutGil }, after start has succeeded
Napi::Value about(const Napi::CallbackInfo& info) {
    auto result = Napi::Object::New(info.Env());
    result.Set("version", py.Py_GetVersion());
    result.Set("ownGil", has_own_gil());
    result.Set("withoutGil", py.without_gil);
    return result;
}

// spare(): makes the spare interpreter
void spare(const Napi::CallbackInfo&) { Runtime::get().replenish(); }

// rouse(): a load is about to want the spare interpreter
void rouse(const Napi::CallbackInfo&) { Runtime::get().rouse(); }

// program() → number
Napi::Value program(const Napi::CallbackInfo& info) {
    static std::atomic<std::int64_t> last{0};
    return Napi::Number::New(info.Env(), static_cast<double>(++last));
}

// compile(token, source, filename)
void compile(const Napi::CallbackInfo& info) {
    auto completions = Environment::of(info.Env()).completions;
    completions->expect();
    Runtime::get().main()->post(
        std::make_unique<CompileJob>(bytes(info[1]), info[2].As<Napi::String>(), number(info[0]), completions));
}

// load(token, { shared, code, filename, stem, program, exports, folder, files?, paths, venv, extendedJson, config?,
// resultBytes, hostCallBytes, logChars, handsOver }) → instance
Napi::Value load(const Napi::CallbackInfo& info) {
    Environment& environment = Environment::of(info.Env());
    auto given = info[1].As<Napi::Object>();
    ProgramSource source;
    source.code = bytes(given.Get("code"));
    source.filename = given.Get("filename").As<Napi::String>();
    source.stem = given.Get("stem").As<Napi::String>();
    source.program = given.Get("program").As<Napi::Number>().Int64Value();
    source.exports = strings(given.Get("exports"));
    source.folder = given.Get("folder").As<Napi::String>();
    if (given.Get("files").IsArray()) source.files = pairs(given.Get("files"));
    source.paths = strings(given.Get("paths"));
    source.venv = strings(given.Get("venv"));
    source.extended_json = given.Get("extendedJson").As<Napi::Boolean>();
    if (given.Get("config").IsString()) source.config = given.Get("config").As<Napi::String>();
    auto limit = [&given](const char* name) { return given.Get(name).As<Napi::Number>().Int64Value(); };
    source.bounds = {static_cast<std::size_t>(limit("resultBytes")), static_cast<std::size_t>(limit("hostCallBytes"))};
    source.output = std::make_shared<OutputRoom>(limit("logChars"));
    source.hands_over = given.Get("handsOver").As<Napi::Boolean>();
    bool shared = given.Get("shared").As<Napi::Boolean>();
    auto kind = shared ? Executor::Kind::shared : Executor::Kind::own_gil;
    auto instance = Instance::load(kind, std::move(source), number(info[0]), environment.completions);
    if (instance == nullptr) {
        Failure failure = fail("ERR_EXT_BUSY", "the system has no thread left for Python");
        throw Napi::Error(info.Env(), environment.completions->error(info.Env(), failure));
    }
    environment.completions->expect();
    environment.instances.insert(instance.get());
    instance->environment = &environment;
    instance->show_pace(info[2].As<Napi::Float64Array>().Data());
    // While an environment ends, its instances may be finalised after its instance data: so each holds on to that.
    auto finalise = [kept = Environment::shared(info.Env())](Napi::Env, Instance* dead) {
        kept->remove(dead);
        dead->drop();
        delete dead;
    };
    return Napi::External<Instance>::New(info.Env(), instance.release(), finalise);
}

// The instance has been sent a call; `slept`: its executor has to be woken for it.
void sent(Environment& environment, Instance* instance, bool slept) {
    environment.completions->expect();
    environment.completions->look_soon();
    if (!instance->listed) environment.busy.push_back(instance);
    instance->listed = true;
    if (slept) environment.to_wake.push_back(instance);
}

// invoke(instance, token, function, payload): `look` must follow soon
napi_value invoke(napi_env env, napi_callback_info info) {
    std::size_t count = 4;
    napi_value given[4];
    void* data = nullptr;
    std::uint32_t token = 0;
    std::uint32_t function = 0;
    napi_get_cb_info(env, info, &count, given, nullptr, nullptr);
    napi_get_value_external(env, given[0], &data);
    napi_get_value_uint32(env, given[1], &token);
    napi_get_value_uint32(env, given[2], &function);
    auto* instance = static_cast<Instance*>(data);
    Environment& environment = *instance->environment;
    std::string_view payload = read_text(env, given[3], environment.buffer);
    sent(environment, instance, instance->invoke(token, function, payload));
    trim_buffer(environment.buffer);
    return nullptr;
}

// invokeSync(instance, function, payload, milliseconds?, token?) → string, or nothing where the rest will end with the token
napi_value invoke_sync(napi_env env, napi_callback_info info) {
    std::size_t count = 5;
    napi_value given[5];
    void* data = nullptr;
    std::uint32_t function = 0;
    double milliseconds = std::numeric_limits<double>::infinity();
    napi_get_cb_info(env, info, &count, given, nullptr, nullptr);
    napi_get_value_external(env, given[0], &data);
    napi_get_value_uint32(env, given[1], &function);
    if (count >= 4) napi_get_value_double(env, given[3], &milliseconds);
    auto* instance = static_cast<Instance*>(data);
    Environment& environment = *instance->environment;
    std::string_view payload = read_text(env, given[2], environment.buffer);
    Instance::Result result{};
    Failure failure;
    Ref coroutine;
    bool succeeded = instance->invoke_sync(function, payload, milliseconds, result, failure, count == 5 ? &coroutine : nullptr);
    Completions* completions = environment.completions.get();
    napi_value text = nullptr;
    if (coroutine) {
        std::uint32_t token = 0;
        napi_get_value_uint32(env, given[4], &token);
        sent(environment, instance, instance->await_coroutine(token, std::move(coroutine)));
        napi_get_undefined(env, &text);
    } else if (succeeded) {
        text = make_text(env, {result.data, result.size}, result.ascii);
        instance->done_with_result();
        if (text == nullptr) failure = fail("ERR_EXT_BAD_RESULT", "the result is too long for a JavaScript string");
    }
    trim_buffer(environment.buffer);
    try {
        if (completions->has_output()) completions->deliver_within(env);
        if (text == nullptr) napi_throw(env, completions->error(env, failure));
    } catch (const Napi::Error& error) {
        rethrow(env, error);
    }
    return text;
}

// look() → whether something was settled, so that it is worth looking again; else the event loop will be woken
napi_value look(napi_env env, napi_callback_info) {
    Environment& environment = Environment::of(env);
    bool settled = false;
    try {
        settled = environment.look(env);
    } catch (const Napi::Error& error) {
        rethrow(env, error);
    }
    napi_value result = nullptr;
    napi_get_boolean(env, settled, &result);
    return result;
}

// deliver(): settles what there is
void deliver(const Napi::CallbackInfo& info) { Environment::of(info.Env()).completions->deliver(info.Env()); }

// answer(id, text): of a host call
void answer(const Napi::CallbackInfo& info) {
    auto id = static_cast<std::uint64_t>(info[0].As<Napi::Number>().Int64Value());
    Environment::of(info.Env()).completions->host_calls().answer(id, info[1]);
}

// withdraw(instance, token) → whether that call will not run, and not be settled
Napi::Value withdraw(const Napi::CallbackInfo& info) {
    bool withdrawn = instance_of(info[0])->withdraw(number(info[1]));
    if (withdrawn) Environment::of(info.Env()).completions->forget();
    return Napi::Boolean::New(info.Env(), withdrawn);
}

// abort(instance, token)
void abort_call_of(const Napi::CallbackInfo& info) { instance_of(info[0])->abort(number(info[1])); }

// close(instance, token)
void close_instance(const Napi::CallbackInfo& info) {
    auto completions = Environment::of(info.Env()).completions;
    completions->expect();
    instance_of(info[0])->close([completions, token = number(info[1])] { complete(completions, token, {}); });
}

// forget(): one expected completion need not keep the process up; remember(): it has come all the same
void forget(const Napi::CallbackInfo& info) { Environment::of(info.Env()).completions->forget(); }
void remember(const Napi::CallbackInfo& info) { Environment::of(info.Env()).completions->expect(); }

Napi::Object init(Napi::Env env, Napi::Object exports) {
    auto* environment = new std::shared_ptr<Environment>(std::make_shared<Environment>());
    auto finalise = [](napi_env, void* data, void*) { delete static_cast<std::shared_ptr<Environment>*>(data); };
    napi_set_instance_data(env, environment, finalise, nullptr);
    exports.Set("attach", Napi::Function::New(env, attach));
    exports.Set("start", Napi::Function::New(env, start));
    exports.Set("about", Napi::Function::New(env, about));
    exports.Set("spare", Napi::Function::New(env, spare));
    exports.Set("rouse", Napi::Function::New(env, rouse));
    exports.Set("program", Napi::Function::New(env, program));
    exports.Set("compile", Napi::Function::New(env, compile));
    exports.Set("load", Napi::Function::New(env, load));
    exports.Set("abort", Napi::Function::New(env, abort_call_of));
    exports.Set("withdraw", Napi::Function::New(env, withdraw));
    exports.Set("answer", Napi::Function::New(env, answer));
    exports.Set("deliver", Napi::Function::New(env, deliver));
    exports.Set("close", Napi::Function::New(env, close_instance));
    exports.Set("forget", Napi::Function::New(env, forget));
    exports.Set("remember", Napi::Function::New(env, remember));
    // Those that are called most, without the wrapper's cost.
    napi_value function = nullptr;
    napi_create_function(env, "invoke", NAPI_AUTO_LENGTH, invoke, nullptr, &function);
    exports.Set("invoke", function);
    napi_create_function(env, "invokeSync", NAPI_AUTO_LENGTH, invoke_sync, nullptr, &function);
    exports.Set("invokeSync", function);
    napi_create_function(env, "look", NAPI_AUTO_LENGTH, look, nullptr, &function);
    exports.Set("look", function);
    return exports;
}

}  // namespace

}  // namespace pyvm

static Napi::Object init_addon(Napi::Env env, Napi::Object exports) { return pyvm::init(env, exports); }
NODE_API_MODULE(pyvm, init_addon)
