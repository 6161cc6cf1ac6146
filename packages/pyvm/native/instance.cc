#include "instance.h"

#include <cmath>
#include <condition_variable>
#include <optional>

#include "deadline.h"
#include "output.h"
#include "runtime.h"
#include "thread.h"

namespace pyvm {

namespace {

struct CallJob : Job {
    void run(Executor& executor) override {
        Completion completion;
        completion.token = token;
        if (run_call(executor, function, std::string_view(payload.data(), size), Coroutines::awaited, *cancellation,
                     completion.failure)) {
            completion.kind = Completion::Kind::text;
            completion.text.assign(executor.writer().data(), executor.writer().size());
            completion.ascii = executor.writer().is_ascii();
            executor.writer().trim();
        } else {
            completion.kind = Completion::Kind::failure;
        }
        completions->post(std::move(completion));
    }

    void refuse(const Failure& failure) override {
        Completion completion;
        completion.token = token;
        completion.kind = Completion::Kind::failure;
        completion.failure = failure;
        completions->post(std::move(completion));
    }

    std::uint32_t token = 0;
    std::size_t function = 0;
    std::string payload;
    std::size_t size = 0;
    std::shared_ptr<Completions> completions;
    std::shared_ptr<Cancellation> cancellation;
};

// A call that its caller waits for, on another thread. The result stays in the executor's writer.
struct AwaitedCall {
    std::mutex mutex;
    std::condition_variable ended;
    bool done = false;
    bool succeeded = false;
    Failure failure;

    void end(bool success) {
        std::scoped_lock lock(mutex);
        succeeded = success;
        done = true;
        ended.notify_one();
    }
};

struct AwaitedJob : Job {
    void run(Executor& executor) override {
        call->end(run_call(executor, function, payload, Coroutines::refused, *cancellation, call->failure));
    }
    void refuse(const Failure& failure) override {
        call->failure = failure;
        call->end(false);
    }

    std::size_t function = 0;
    std::string_view payload;
    Cancellation* cancellation = nullptr;
    AwaitedCall* call = nullptr;
};

bool call_elsewhere(Executor& executor, std::size_t function, std::string_view payload, Cancellation& cancellation,
                    Failure& failure) {
    AwaitedCall call;
    auto job = std::make_unique<AwaitedJob>();
    job->function = function;
    job->payload = payload;
    job->cancellation = &cancellation;
    job->call = &call;
    executor.post(std::move(job));
    std::unique_lock lock(call.mutex);
    call.ended.wait(lock, [&] { return call.done; });
    failure = std::move(call.failure);
    return call.succeeded;
}

}  // namespace

std::unique_ptr<Instance> Instance::load(Executor::Kind kind, ProgramSource source, std::uint32_t token,
                                         std::shared_ptr<Completions> completions) {
    auto executor = Runtime::get().take(kind);
    if (executor == nullptr) return nullptr;
    add_output(source.program, completions);
    std::unique_ptr<Instance> instance(new Instance(executor, completions, source.program));
    executor->post(std::make_unique<LoadJob>(std::move(source), token, std::move(completions), instance->cancellation_));
    return instance;
}

void Instance::invoke(std::uint32_t token, std::size_t function, std::string payload, std::size_t size) {
    cancellation_ = std::make_shared<Cancellation>();
    auto job = std::make_unique<CallJob>();
    job->token = token;
    job->function = function;
    job->payload = std::move(payload);
    job->size = size;
    job->completions = completions_;
    job->cancellation = cancellation_;
    executor_->post(std::move(job));
}

bool Instance::invoke_sync(std::size_t function, std::string_view payload, double milliseconds, Result& result,
                           Failure& failure) {
    static thread_local const bool stack_serves = stack_serves_python();
    std::optional<Deadline> deadline;
    if (cancellation_->requested.load()) cancellation_ = std::make_shared<Cancellation>();
    if (std::isfinite(milliseconds)) deadline.emplace(executor_, cancellation_, milliseconds);
    bool succeeded = false;
    if (stack_serves) {
        executor_->attach_caller();
        succeeded = run_call(*executor_, function, payload, Coroutines::refused, *cancellation_, failure);
        executor_->detach_caller();
    } else {
        succeeded = call_elsewhere(*executor_, function, payload, *cancellation_, failure);
    }
    if (!succeeded) return false;
    JsonWriter& writer = executor_->writer();
    result = {writer.data(), writer.size(), writer.is_ascii()};
    return true;
}

void Instance::abort() {
    if (closed()) return;
    cancellation_->requested.store(true);
    executor_->abort(executor_->gate().running());
}

void Instance::close(std::function<void()> when_ended) {
    executor_->release_caller();
    std::int64_t program = program_;
    executor_->finish([program, when_ended = std::move(when_ended)] {
        remove_output(program);
        if (when_ended) when_ended();
    });
    executor_.reset();
}

void Instance::drop() {
    if (closed()) return;
    remove_output(program_);
    bool running = executor_->gate().running() != 0;
    abort();
    if (!running) executor_->release_caller();
    executor_->finish(nullptr);
    executor_.reset();
}

}  // namespace pyvm
