#include "api/instance.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <optional>

#include "bridge/home.h"
#include "executor/deadline.h"
#include "executor/runtime.h"
#include "platform/thread.h"

namespace pyvm {

namespace {

// Calls that are sent to an executor that sleeps before it is woken: the rest of them costs no waking, and it works meanwhile.
constexpr std::size_t kEnoughToWake = 16;

// How long a caller looks for the end of its call before it sleeps: waking it costs about as much.
constexpr auto kLookForEnd = std::chrono::microseconds(50);

// How often a caller that sleeps looks for lines that its guest waits to be heard; and once there were some.
constexpr auto kLookForLines = std::chrono::milliseconds(1);
constexpr auto kLookForMoreLines = std::chrono::microseconds(50);

// A call that its caller waits for, on another thread, and whose host calls it serves meanwhile. The result stays in the
// executor's writer.
struct AwaitedCall : HostDesk {
    std::mutex mutex;
    std::condition_variable changed;
    std::atomic<bool> news{false};
    bool done = false;
    bool succeeded = false;
    Failure failure;
    std::shared_ptr<HostCall> asked;

    void end(bool success) {
        std::scoped_lock lock(mutex);
        succeeded = success;
        done = true;
        news.store(true, std::memory_order_release);
        changed.notify_one();
    }

    void ask(std::shared_ptr<HostCall> call) override {
        std::scoped_lock lock(mutex);
        asked = std::move(call);
        news.store(true, std::memory_order_release);
        changed.notify_one();
    }

    void look(const Executor& executor) const {
        auto until = std::chrono::steady_clock::now() + kLookForEnd;
        do {
            for (int i = 0; i < 32; i++) {
                if (news.load(std::memory_order_acquire)) return;
                pause_core();
            }
        } while (current_core() != executor.core() && std::chrono::steady_clock::now() < until);
    }

    void wait(Executor& executor, Completions& completions) {
        look(executor);
        std::unique_lock lock(mutex);
        std::chrono::microseconds pause = kLookForLines;
        for (;;) {
            bool told = changed.wait_for(lock, pause, [this] { return done || asked != nullptr; });
            if (told && done) return;
            auto call = std::move(asked);
            lock.unlock();
            if (completions.has_output()) {
                pause = kLookForMoreLines;
                completions.deliver_lines();
            }
            // Nobody is left to return to: the worker is being ended, and waits for this thread.
            if (call != nullptr && !call->ended() && !completions.host_calls().ask_now(*call))
                executor.abort(executor.gate().running());
            lock.lock();
        }
    }
};

struct AwaitedJob : Job {
    void run(Executor& executor) override {
        executor.set_desk(call);
        bool succeeded = run_call(executor, function, payload, Caller::blocked, *cancellation, call->failure, coroutine);
        if (!succeeded && coroutine != nullptr) coroutine->reset();
        executor.set_desk(nullptr);
        call->end(succeeded);
    }
    void refuse(const Failure& failure) override {
        call->failure = failure;
        call->end(false);
    }

    std::size_t function = 0;
    std::string_view payload;
    Cancellation* cancellation = nullptr;
    Ref* coroutine = nullptr;
    AwaitedCall* call = nullptr;
};

bool call_elsewhere(Executor& executor, Completions& completions, std::size_t function, std::string_view payload,
                    Cancellation& cancellation, Failure& failure, Ref* coroutine) {
    AwaitedCall call;
    auto job = std::make_unique<AwaitedJob>();
    job->function = function;
    job->payload = payload;
    job->cancellation = &cancellation;
    job->coroutine = coroutine;
    job->call = &call;
    executor.post(std::move(job));
    call.wait(executor, completions);
    failure = std::move(call.failure);
    return call.succeeded;
}

}  // namespace

std::unique_ptr<Instance> Instance::load(Executor::Kind kind, ProgramSource source, std::uint32_t token,
                                         std::shared_ptr<Completions> completions) {
    auto executor = Runtime::get().take(kind);
    if (executor == nullptr) return nullptr;
    add_home(source.program, {completions, executor, true, source.output, source.hands_over});
    executor->keep(completions);
    std::unique_ptr<Instance> instance(new Instance(executor, completions, source.program));
    executor->post(std::make_unique<LoadJob>(std::move(source), token, std::move(completions), instance->cancellation_));
    return instance;
}

bool Instance::invoke(std::uint32_t token, std::size_t function, std::string_view payload) {
    return send(CallJob::make(this, completions_.get(), token, function, payload));
}

bool Instance::await_coroutine(std::uint32_t token, Ref coroutine) {
    return send(CallJob::make_rest(this, completions_.get(), token, std::move(coroutine)));
}

bool Instance::send(std::unique_ptr<CallJob> made) {
    CallJob* job = made.release();
    calls_.push_back(job);
    if (!executor_->push(job) && unnoticed_ == 0) return false;
    if (++unnoticed_ == kEnoughToWake) executor_->wake();
    return unnoticed_ == 1;
}

void Instance::wake() {
    unnoticed_ = 0;
    if (!closed()) executor_->wake();
}

bool Instance::withdraw(std::uint32_t token) {
    auto at = find(token);
    if (at == calls_.end() || !(*at)->withdraw()) return false;
    calls_.erase(at);
    return true;
}

std::int64_t Instance::work() const {
    std::int64_t pace = executor_->pace();
    return pace == Executor::kUnknown ? pace : pace * static_cast<std::int64_t>(calls_.size());
}

void Instance::ended(CallJob& job) {
    if (!calls_.empty() && calls_.front() == &job) {
        calls_.pop_front();
    } else {
        std::erase(calls_, &job);
    }
    std::int64_t pace = executor_ == nullptr ? Executor::kUnknown : executor_->pace();
    if (pace_ != nullptr) *pace_ = static_cast<double>(pace);
}

std::deque<CallJob*>::iterator Instance::find(std::uint32_t token) {
    return std::find_if(calls_.begin(), calls_.end(), [token](CallJob* job) { return job->token == token; });
}

bool Instance::invoke_sync(std::size_t function, std::string_view payload, double milliseconds, Result& result,
                           Failure& failure, Ref* coroutine) {
    std::optional<Deadline> deadline;
    renew_cancellation();
    if (std::isfinite(milliseconds)) deadline.emplace(executor_, cancellation_, milliseconds);
    bool succeeded = false;
    if (completions_->stack_serves() && executor_->lends_thread()) {
        executor_->attach_caller();
        succeeded = run_call(*executor_, function, payload, Caller::here, *cancellation_, failure, coroutine);
        if (!succeeded && coroutine != nullptr) coroutine->reset();
        executor_->detach_caller();
    } else {
        succeeded = call_elsewhere(*executor_, *completions_, function, payload, *cancellation_, failure, coroutine);
    }
    if (!succeeded) return false;
    if (coroutine != nullptr && *coroutine) return true;
    JsonWriter& writer = executor_->writer();
    result = {writer.data(), writer.size(), writer.is_ascii()};
    return true;
}

void Instance::abort(std::uint32_t token) {
    if (closed()) return;
    auto at = find(token);
    (at == calls_.end() ? *cancellation_ : (*at)->cancellation()).request(*executor_);
}

void Instance::close(std::function<void()> when_ended) {
    leave_calls();
    // Threads of the guest's own would have to be waited for.
    close_home(program_);
    completions_->host_calls().end(program_);
    std::int64_t program = program_;
    executor_->finish([program, when_ended = std::move(when_ended)] {
        remove_home(program);
        if (when_ended) when_ended();
    });
    executor_.reset();
}

void Instance::drop() {
    if (closed()) return;
    remove_home(program_);
    completions_->host_calls().end(program_);
    cancellation_->request(*executor_);
    // What is withdrawn is the executor's alone.
    std::erase_if(calls_, [](CallJob* job) { return job->withdraw(); });
    for (CallJob* job : calls_) job->cancellation().request(*executor_);
    leave_calls();
    executor_->finish(nullptr);
    executor_.reset();
}

// A Deadline of the last call may still be looking at the old one.
void Instance::renew_cancellation() {
    if (cancellation_->requested.load()) cancellation_ = std::make_shared<Cancellation>();
    cancellation_->number.store(0, std::memory_order_relaxed);
}

void Instance::leave_calls() {
    for (CallJob* job : calls_) job->leave();
    calls_.clear();
    pace_ = nullptr;
}

}  // namespace pyvm
