#include "completions.h"

#include <chrono>

#include "thread.h"

namespace pyvm {

Completions::Completions(Napi::Env env, Napi::Function settle, Napi::Function output, Napi::Function failed)
    : settle_(Napi::Persistent(settle)), output_(Napi::Persistent(output)), failed_(Napi::Persistent(failed)) {
    napi_value name = Napi::String::New(env, "pyvm");
    napi_status status =
        napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, on_wake, &wake_);
    if (status != napi_ok) throw Napi::Error::New(env, "pyvm could not make its way back to JavaScript");
    napi_unref_threadsafe_function(env, wake_);
}

void Completions::post(Completion completion) {
    std::scoped_lock lock(mutex_);
    if (closed_) return;
    output_waits_ |= completion.kind == Completion::Kind::output;
    waiting_.push_back(std::move(completion));
    some_wait_.store(true, std::memory_order_release);
    if (!polled_) wake();
}

// With the mutex held.
void Completions::wake() {
    if (woken_) return;
    woken_ = true;
    napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking);
}

bool Completions::poll(Napi::Env env, double microseconds) {
    {
        std::scoped_lock lock(mutex_);
        polled_ = true;
    }
    auto until = std::chrono::steady_clock::now() + std::chrono::nanoseconds(static_cast<long long>(microseconds * 1000));
    while (!some_wait_.load(std::memory_order_acquire)) {
        for (int i = 0; i < 8; i++) pause_core();
        if (std::chrono::steady_clock::now() >= until) return false;
    }
    return deliver(env);
}

void Completions::stop_polling() {
    std::scoped_lock lock(mutex_);
    polled_ = false;
    if (!waiting_.empty()) wake();
}

void Completions::expect() {
    if (!closed_ && expected_++ == 0) napi_ref_threadsafe_function(settle_.Env(), wake_);
}

void Completions::forget() { settled(); }

void Completions::settled() {
    if (!closed_ && --expected_ == 0) napi_unref_threadsafe_function(settle_.Env(), wake_);
}

bool Completions::has_output() {
    std::scoped_lock lock(mutex_);
    return output_waits_;
}

void Completions::on_wake(napi_env env, napi_value, void* context, void*) {
    // Without an environment the queue is only being emptied on its way out.
    if (env == nullptr) return;
    auto* self = static_cast<Completions*>(context);
    {
        std::scoped_lock lock(self->mutex_);
        self->woken_ = false;
    }
    self->deliver(env);
}

bool Completions::deliver(Napi::Env env) {
    std::vector<Completion> batch;
    {
        std::scoped_lock lock(mutex_);
        batch.swap(waiting_);
        output_waits_ = false;
        some_wait_.store(false, std::memory_order_relaxed);
    }
    if (batch.empty() || closed_) return false;
    Napi::HandleScope scope(env);
    Napi::Array settled_values = Napi::Array::New(env);
    std::uint32_t count = 0;
    for (Completion& completion : batch) {
        if (completion.kind == Completion::Kind::output) {
            output_.Call({Napi::Number::New(env, static_cast<double>(completion.program)),
                          Napi::Number::New(env, completion.level), Napi::String::New(env, completion.text)});
            continue;
        }
        settled_values.Set(count++, Napi::Number::New(env, completion.token));
        settled_values.Set(count++, value_of(env, completion));
        settled();
    }
    if (count > 0) settle_.Call({settled_values});
    return true;
}

Napi::Value Completions::value_of(Napi::Env env, Completion& completion) {
    napi_value text = nullptr;
    switch (completion.kind) {
        case Completion::Kind::text:
            if (completion.ascii) {
                napi_create_string_latin1(env, completion.text.data(), completion.text.size(), &text);
            } else {
                napi_create_string_utf8(env, completion.text.data(), completion.text.size(), &text);
            }
            if (text != nullptr) return Napi::Value(env, text);
            // Longer than JavaScript's strings can be.
            if (env.IsExceptionPending()) env.GetAndClearPendingException();
            return error(env, fail("ERR_EXT_BAD_RESULT", "the result is too long for a JavaScript string"));
        case Completion::Kind::bytes:
            return Napi::Buffer<char>::Copy(env, completion.text.data(), completion.text.size());
        case Completion::Kind::failure:
            return error(env, completion.failure);
        default:
            return env.Undefined();
    }
}

Napi::Value Completions::error(Napi::Env env, const Failure& failure) {
    return failed_.Call({Napi::String::New(env, failure.code), Napi::String::New(env, failure.name),
                         Napi::String::New(env, failure.message), Napi::String::New(env, failure.stack)});
}

void Completions::close() {
    std::scoped_lock lock(mutex_);
    closed_ = true;
    waiting_.clear();
    napi_release_threadsafe_function(wake_, napi_tsfn_abort);
    // Here and now: the last to let go of this object may be another thread.
    settle_.Reset();
    output_.Reset();
    failed_.Reset();
}

}  // namespace pyvm
