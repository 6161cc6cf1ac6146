#include "bridge/completions.h"

#include <array>
#include <chrono>
#include <thread>

#include "bridge/js_text.h"
#include "cpython/python_api.h"

namespace pyvm {

namespace {

// How long a line of output waits for JavaScript, how often the waiting thread only gives way before it rests, and for how
// long. After a wait in vain none waits for some time.
constexpr auto kHearing = std::chrono::seconds(1);
constexpr int kYields = 64;
constexpr auto kRest = std::chrono::microseconds(50);
constexpr auto kInVain = std::chrono::seconds(5);

// How many calls are settled together.
constexpr std::size_t kTogether = 32;

// What has been taken together, in the order in which it came. JavaScript may throw on the way, when it is being ended.
struct Batch {
    explicit Batch(Completion* last) {
        while (last != nullptr) first = std::exchange(last, std::exchange(last->next, first));
    }
    ~Batch() {
        while (first != nullptr) drop_first();
    }
    void drop_first() { std::exchange(first, first->next)->told(); }

    Completion* first = nullptr;
};

}  // namespace

void rethrow(napi_env env, const Napi::Error& error) noexcept {
    bool pending = false;
    if (napi_is_exception_pending(env, &pending) != napi_ok || pending || error.IsEmpty()) return;
    try {
        napi_throw(env, error.Value());
    } catch (const Napi::Error&) {}
}

Completions::Completions(Napi::Env env, Napi::Function settle, Napi::Function output, Napi::Function failed, Napi::Function ask,
                         Napi::Function ask_now)
    : settle_(Napi::Persistent(settle)),
      output_(Napi::Persistent(output)),
      failed_(Napi::Persistent(failed)),
      host_calls_(ask, ask_now) {
    say_own_thread();
    napi_value name = Napi::String::New(env, "pyvm");
    napi_status status =
        napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, on_wake, &wake_);
    if (status != napi_ok) throw Napi::Error::New(env, "pyvm could not make its way back to JavaScript");
    napi_unref_threadsafe_function(env, wake_);
}

void Completions::post(std::unique_ptr<Completion> given, bool hold) {
    Completion* completion = given.release();
    if (completion->kind == Completion::Kind::output) output_waits_.store(true);
    completion->next = waiting_.load(std::memory_order_relaxed);
    while (!waiting_.compare_exchange_weak(completion->next, completion)) {}
    if (closed_.load()) swallow();
    // Who stops looking looks once more after that: so one of the two sees the other.
    if (!hold) nudge();
}

void Completions::hand_over(std::unique_ptr<Completion> line) {
    // After a wait in vain, JavaScript's thread is held by something else for a while.
    thread_local std::chrono::steady_clock::time_point in_vain_until;
    PyThreadState* self = py.PyEval_SaveThread();
    if (std::this_thread::get_id() == thread_) {
        Napi::Env env = settle_.Env();
        Napi::HandleScope scope(env);
        try {
            say(env, *line);
        } catch (const Napi::Error& error) {
            rethrow(env, error);
        }
    } else {
        auto heard = std::make_shared<std::atomic<bool>>(false);
        line->heard = heard;
        post(std::move(line));
        auto now = std::chrono::steady_clock::now();
        auto until = now + kHearing;
        for (int round = 0; now >= in_vain_until && !heard->load(std::memory_order_acquire) && !closed_.load(); round++) {
            if (round < kYields) {
                std::this_thread::yield();
            } else {
                std::this_thread::sleep_for(kRest);
            }
            now = std::chrono::steady_clock::now();
            if (now >= until) in_vain_until = now + kInVain;
        }
    }
    py.PyEval_RestoreThread(self);
}

bool Completions::ask(const std::shared_ptr<HostCall>& call) {
    if (!host_calls_.open(call)) return false;
    auto completion = std::make_unique<Completion>();
    completion->kind = Completion::Kind::host_call;
    completion->host_call = call;
    post(std::move(completion));
    return true;
}

void Completions::wake() {
    std::scoped_lock lock(mutex_);
    if (woken_ || closed_.load()) return;
    woken_ = true;
    napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking);
}

bool Completions::look(Napi::Env env, double microseconds, int core) {
    auto until = std::chrono::steady_clock::now() + std::chrono::nanoseconds(static_cast<long long>(microseconds * 1000));
    while (waiting_.load(std::memory_order_acquire) == nullptr) {
        if (core == kNoCore || core != core_.load(std::memory_order_relaxed)) {
            for (int i = 0; i < 16; i++) pause_core();
        } else {
            std::this_thread::yield();
        }
        if (std::chrono::steady_clock::now() >= until) return false;
    }
    return deliver(env);
}

bool Completions::stop_looking(Napi::Env env) {
    polled_.store(false);
    return waiting_.load() != nullptr && deliver(env);
}

void Completions::expect() {
    if (!closed_ && expected_++ == 0) napi_ref_threadsafe_function(settle_.Env(), wake_);
}

void Completions::forget() { settled(); }

void Completions::settled() {
    if (!closed_ && --expected_ == 0) napi_unref_threadsafe_function(settle_.Env(), wake_);
}

void Completions::on_wake(napi_env env, napi_value, void* context, void*) {
    // Without an environment the queue is only being emptied on its way out.
    if (env == nullptr) return;
    auto* self = static_cast<Completions*>(context);
    {
        std::scoped_lock lock(self->mutex_);
        self->woken_ = false;
    }
    try {
        self->deliver(env);
    } catch (const Napi::Error& error) {
        rethrow(env, error);
    }
}

bool Completions::deliver(Napi::Env env) {
    bool some = settle(env);
    // One by one, since a host function may bring about more of them.
    while (!asked_.empty()) {
        auto call = std::move(asked_.front());
        asked_.pop_front();
        host_calls_.ask(*call);
        some = true;
    }
    return some;
}

void Completions::deliver_within(Napi::Env env) {
    settle(env);
    if (!asked_.empty()) wake();
}

void Completions::deliver_lines() {
    Napi::Env env = settle_.Env();
    Napi::HandleScope scope(env);
    try {
        deliver_within(env);
    } catch (const Napi::Error&) {}
}

bool Completions::settle(Napi::Env env) {
    output_waits_.store(false);
    Batch batch(waiting_.exchange(nullptr));
    if (batch.first == nullptr) return false;
    Napi::HandleScope scope(env);
    // As arguments: putting each into an array by Node-API takes as long as settling it.
    std::array<napi_value, 2 * kTogether> settled_values;
    std::size_t count = 0;
    for (; batch.first != nullptr; batch.drop_first()) {
        Completion& completion = *batch.first;
        if (completion.kind == Completion::Kind::output) {
            // A line is of the first call that has no answer: those before it have theirs first.
            if (count > 0) settle_.Call(env.Undefined(), std::exchange(count, 0), settled_values.data());
            say(env, completion);
            if (completion.heard != nullptr) completion.heard->store(true, std::memory_order_release);
            continue;
        }
        if (completion.kind == Completion::Kind::host_call) {
            asked_.push_back(std::move(completion.host_call));
            continue;
        }
        if (count == settled_values.size()) settle_.Call(env.Undefined(), std::exchange(count, 0), settled_values.data());
        napi_create_uint32(env, completion.token, &settled_values[count++]);
        settled_values[count++] = value_of(env, completion);
        settled();
    }
    if (count > 0) settle_.Call(env.Undefined(), count, settled_values.data());
    return true;
}

void Completions::say(Napi::Env env, const Completion& line) {
    output_.Call({Napi::Number::New(env, static_cast<double>(line.program)), Napi::Number::New(env, line.level),
                  Napi::String::New(env, line.text), Napi::Boolean::New(env, line.of_call)});
}

Napi::Value Completions::value_of(Napi::Env env, Completion& completion) {
    switch (completion.kind) {
        case Completion::Kind::text:
            if (napi_value text = make_text(env, completion.text, completion.ascii)) return Napi::Value(env, text);
            return error(env, fail("ERR_EXT_BAD_RESULT", "the result is too long for a JavaScript string"));
        case Completion::Kind::bytes: return Napi::Buffer<char>::Copy(env, completion.text.data(), completion.text.size());
        case Completion::Kind::failure: return error(env, completion.failure);
        default: return env.Undefined();
    }
}

Napi::Value Completions::error(Napi::Env env, const Failure& failure) {
    return failed_.Call({Napi::String::New(env, failure.code), Napi::String::New(env, failure.name),
                         Napi::String::New(env, failure.message), Napi::String::New(env, failure.stack),
                         Napi::Boolean::New(env, failure.spent), Napi::String::New(env, failure.extras)});
}

void Completions::swallow() {
    for (Completion* each = waiting_.exchange(nullptr); each != nullptr;) delete std::exchange(each, each->next);
}

void Completions::close() {
    closed_.store(true);
    swallow();
    asked_.clear();
    host_calls_.close();
    std::scoped_lock lock(mutex_);
    napi_release_threadsafe_function(wake_, napi_tsfn_abort);
    // Here and now: the last to let go of this object may be another thread.
    settle_.Reset();
    output_.Reset();
    failed_.Reset();
}

}  // namespace pyvm
