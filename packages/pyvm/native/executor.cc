#include "executor.h"

#include <chrono>
#include <thread>

#include "output.h"
#include "thread.h"

namespace pyvm {

namespace {

// Waking a thread costs more than most calls, so an executor that has just been busy looks for the next job a little
// while before it sleeps. Never more of them than there are cores to spare for it.
constexpr auto kSpin = std::chrono::microseconds(50);
std::atomic<int> spinners{0};

int most_spinners() {
    static const int most = std::max(0, std::min(2, static_cast<int>(std::thread::hardware_concurrency()) - 1));
    return most;
}

}  // namespace

std::shared_ptr<Executor> Executor::start(Kind kind, const StartOptions& options) {
    std::shared_ptr<Executor> executor(new Executor(kind, options));
    executor->interpreter_ = kind == Kind::shared ? &main_interpreter() : new Interpreter;
    // The thread holds the executor until it ends.
    if (!start_thread([executor] { executor->main(); })) return nullptr;
    return executor;
}

Executor::~Executor() = default;

void Executor::post(std::unique_ptr<Job> job) {
    bool wake = false;
    {
        std::scoped_lock lock(mutex_);
        queue_.push_back(std::move(job));
        length_.store(queue_.size() + finishing_);
        wake = asleep_;
    }
    if (wake) posted_.notify_one();
}

void Executor::finish(std::function<void()> when_ended) {
    {
        std::scoped_lock lock(mutex_);
        finishing_ = true;
        when_ended_ = std::move(when_ended);
        length_.store(queue_.size() + 1);
    }
    posted_.notify_one();
}

bool Executor::spin() {
    if (spinners.fetch_add(1) >= most_spinners()) {
        spinners.fetch_sub(1);
        return false;
    }
    auto until = std::chrono::steady_clock::now() + kSpin;
    bool found = false;
    do {
        for (int i = 0; i < 32 && !found; i++) {
            pause_core();
            found = length_.load(std::memory_order_acquire) > 0;
        }
    } while (!found && std::chrono::steady_clock::now() < until);
    spinners.fetch_sub(1);
    return found;
}

// The next job, or null when it is time to finish.
std::unique_ptr<Job> Executor::next() {
    if (length_.load() == 0) spin();
    std::unique_lock lock(mutex_);
    asleep_ = true;
    posted_.wait(lock, [this] { return !queue_.empty() || finishing_; });
    asleep_ = false;
    if (queue_.empty()) return nullptr;
    auto job = std::move(queue_.front());
    queue_.pop_front();
    length_.store(queue_.size() + finishing_);
    return job;
}

void Executor::main() {
    bool started = start_interpreter();
    while (auto job = next()) {
        if (!started) {
            job->refuse(start_failure_);
            continue;
        }
        py.PyEval_RestoreThread(thread_state_);
        job->run(*this);
        py.PyEval_SaveThread();
    }
    if (started) end_interpreter();
    if (when_ended_) when_ended_();
}

bool Executor::start_interpreter() {
    std::string problem;
    if (kind_ == Kind::main) {
        problem = start_main_interpreter(options_, *interpreter_);
        if (problem.empty()) thread_state_ = py.PyThreadState_Get();
    } else if (kind_ == Kind::own_gil) {
        thread_state_ = start_sub_interpreter(*interpreter_, problem);
    } else {
        thread_state_ = py.PyThreadState_New(interpreter_->state);
        return true;
    }
    if (!problem.empty()) {
        start_failure_ = fail("ERR_EXT_UNSUPPORTED", std::move(problem));
        return false;
    }
    py.PyEval_SaveThread();
    return true;
}

void Executor::end_interpreter() {
    gate_.wait_for_aborts();
    py.PyEval_RestoreThread(thread_state_);
    if (kind_ != Kind::own_gil && !guest_.module_name.empty()) {
        Ref name = Ref::steal(py.PyUnicode_DecodeUTF8(guest_.module_name.data(), guest_.module_name.size(), nullptr));
        Ref::steal(py.PyObject_CallOneArg(interpreter_->support.unload.get(), name.get()));
        Ref::steal(py.PyObject_CallObject(interpreter_->support.drop_loop.get(), nullptr));
        py.PyErr_Clear();
    }
    guest_.functions.clear();
    keys_.clear();
    if (kind_ == Kind::own_gil) {
        if (end_sub_interpreter(*interpreter_, thread_state_)) delete interpreter_;
    } else {
        py.PyThreadState_Clear(thread_state_);
        py.PyThreadState_DeleteCurrent();
    }
    flush_output();
    interpreter_ = nullptr;
}

void Executor::attach_caller() {
    if (caller_state_ == nullptr) caller_state_ = py.PyThreadState_New(interpreter_->state);
    py.PyEval_RestoreThread(caller_state_);
}

void Executor::detach_caller() { py.PyEval_SaveThread(); }

void Executor::release_caller() {
    if (caller_state_ == nullptr) return;
    py.PyEval_RestoreThread(caller_state_);
    py.PyThreadState_Clear(caller_state_);
    py.PyThreadState_DeleteCurrent();
    caller_state_ = nullptr;
}

}  // namespace pyvm
