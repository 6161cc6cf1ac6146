#include "bridge/host_calls.h"

#include "bridge/home.h"
#include "bridge/js_text.h"

namespace pyvm {

namespace {

constexpr char kTooLong[] = "its value is too long for a JavaScript string";
constexpr char kNoStack[] = "the host function could not be called, since the host's stack is at its end";

// Takes what was thrown. Whether that is an error: where the environment is being ended, it is none.
bool take_error(napi_env env) {
    bool pending = false;
    bool is_error = false;
    napi_value thrown = nullptr;
    if (napi_is_exception_pending(env, &pending) != napi_ok || !pending) return false;
    if (napi_get_and_clear_last_exception(env, &thrown) != napi_ok || thrown == nullptr) return false;
    return napi_is_error(env, thrown, &is_error) == napi_ok && is_error;
}

}  // namespace

bool HostCalls::open(const std::shared_ptr<HostCall>& call) {
    std::scoped_lock lock(mutex_);
    // Whoever closes a program says so first, and then ends what is open.
    Home home = home_of(call->program);
    if (closed_ || home.completions == nullptr || !home.serves) return false;
    call->id = ++last_;
    open_.emplace(call->id, call);
    return true;
}

void HostCalls::leave(const HostCall& call) { take(call.id); }

std::shared_ptr<HostCall> HostCalls::take(std::uint64_t id) {
    std::scoped_lock lock(mutex_);
    auto found = open_.find(id);
    if (found == open_.end()) return nullptr;
    auto call = std::move(found->second);
    open_.erase(found);
    return call;
}

// What the function of src/bridge.ts returned, or null: then the call has failed, and `alive` says whether others may not.
napi_value HostCalls::run(const Napi::FunctionReference& function, HostCall& call, bool& alive) {
    Napi::Env env = function.Env();
    alive = true;
    napi_value given[4] = {};
    napi_create_double(env, static_cast<double>(call.program), &given[0]);
    napi_create_double(env, static_cast<double>(call.id), &given[1]);
    given[2] = make_text(env, call.name, false);
    given[3] = make_text(env, call.payload, call.ascii);
    if (given[2] == nullptr || given[3] == nullptr) {
        call.fail("RangeError", kTooLong);
        return nullptr;
    }
    napi_value answered = nullptr;
    if (napi_call_function(env, env.Undefined(), function.Value(), 4, given, &answered) == napi_ok) return answered;
    // The host functions' own errors are answers: there was no room for the call itself, or nothing is called any more.
    alive = take_error(env);
    call.fail("RangeError", kNoStack);
    return nullptr;
}

void HostCalls::ask(HostCall& call) {
    if (ask_.IsEmpty() || call.ended()) return;
    Napi::HandleScope scope(ask_.Env());
    bool alive = true;
    napi_value answered = run(ask_, call, alive);
    napi_valuetype type = napi_undefined;
    if (answered != nullptr) napi_typeof(ask_.Env(), answered, &type);
    if (type == napi_string) answer(call.id, answered);
    if (answered == nullptr) leave(call);
}

void HostCalls::answer(std::uint64_t id, napi_value text) {
    auto call = take(id);
    if (call == nullptr) return;
    call->answer(read_text(ask_.Env(), text, buffer_));
    trim_buffer(buffer_);
}

bool HostCalls::ask_now(HostCall& call) {
    if (ask_now_.IsEmpty()) return false;
    Napi::HandleScope scope(ask_now_.Env());
    bool alive = true;
    napi_value answered = run(ask_now_, call, alive);
    if (answered == nullptr) return alive;
    call.answer(read_text(ask_now_.Env(), answered, buffer_));
    trim_buffer(buffer_);
    return true;
}

void HostCalls::end(std::int64_t program) {
    std::vector<std::shared_ptr<HostCall>> ended;
    {
        std::scoped_lock lock(mutex_);
        std::erase_if(open_, [&](auto& each) {
            bool its = program == 0 || each.second->program == program;
            if (its) ended.push_back(std::move(each.second));
            return its;
        });
    }
    for (auto& call : ended) call->fail("ClosedError", "the extension is closed");
}

void HostCalls::close() {
    {
        std::scoped_lock lock(mutex_);
        closed_ = true;
    }
    end(0);
    ask_.Reset();
    ask_now_.Reset();
}

}  // namespace pyvm
