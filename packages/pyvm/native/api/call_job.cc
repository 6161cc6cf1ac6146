#include "api/call_job.h"

#include <vector>

#include "api/instance.h"
#include "json/json_text.h"

namespace pyvm {

namespace {

constexpr std::size_t kMostKept = 128;
// Bytes of buffers that are kept with a job.
constexpr std::size_t kSmall = 4096;

// Of one thread of JavaScript.
std::vector<std::unique_ptr<CallJob>>& unused() {
    static thread_local std::vector<std::unique_ptr<CallJob>> jobs;
    return jobs;
}

}  // namespace

std::unique_ptr<CallJob> CallJob::make(Instance* instance, Completions* completions, std::uint32_t token) {
    std::unique_ptr<CallJob> job;
    if (unused().empty()) {
        job = std::make_unique<CallJob>();
    } else {
        job = std::move(unused().back());
        unused().pop_back();
        job->cancellation_.requested.store(false, std::memory_order_relaxed);
        job->cancellation_.number.store(0, std::memory_order_relaxed);
        job->state_.store(State::waiting, std::memory_order_relaxed);
    }
    job->instance_ = instance;
    job->completions_ = completions;
    job->token = token;
    return job;
}

std::unique_ptr<CallJob> CallJob::make(Instance* instance, Completions* completions, std::uint32_t token, std::size_t function,
                                       std::string_view payload) {
    auto job = make(instance, completions, token);
    job->function_ = function;
    job->payload_.reserve(payload.size() + kTextPadding);
    job->payload_.assign(payload).append(kTextPadding, '\0');
    job->size_ = payload.size();
    return job;
}

std::unique_ptr<CallJob> CallJob::make_rest(Instance* instance, Completions* completions, std::uint32_t token, Ref coroutine) {
    auto job = make(instance, completions, token);
    job->coroutine_ = std::move(coroutine);
    return job;
}

bool CallJob::withdraw() {
    State expected = State::waiting;
    return state_.compare_exchange_strong(expected, State::withdrawn);
}

bool CallJob::start() {
    State expected = State::waiting;
    return state_.compare_exchange_strong(expected, State::started);
}

bool CallJob::call(Executor& executor) {
    if (coroutine_) return await_coroutine(executor, std::move(coroutine_), cancellation_, failure);
    return run_call(executor, function_, std::string_view(payload_.data(), size_), Caller::elsewhere, cancellation_, failure);
}

void CallJob::run(Executor& executor) {
    if (!start()) return;
    JsonWriter& writer = executor.writer();
    if (call(executor)) {
        kind = Kind::text;
        text.assign(writer.data(), writer.size());
        ascii = writer.is_ascii();
        writer.trim();
    } else {
        kind = Kind::failure;
    }
    executor.measure();
}

void CallJob::refuse(const Failure& why) {
    if (!start()) return;
    kind = Kind::failure;
    failure = why;
}

void CallJob::end(Executor& executor) {
    Completions& completions = *completions_;
    bool hold = executor.may_hold(completions.core());
    if (state_.load(std::memory_order_relaxed) == State::withdrawn) {
        delete this;
        // Those before it may have been held for its sake.
        if (!hold) completions.nudge();
    } else {
        completions.post(std::unique_ptr<Completion>(this), hold);
    }
}

void CallJob::told() {
    if (instance_ != nullptr) instance_->ended(*this);
    if (unused().size() >= kMostKept || payload_.capacity() > kSmall || text.capacity() > kSmall || failure) {
        delete this;
    } else {
        unused().emplace_back(this);
    }
}

}  // namespace pyvm
