#include "executor/runtime.h"

namespace pyvm {

namespace {

struct StartJob : Job {
    StartJob(std::weak_ptr<Executor> main, std::function<void(const Failure&)> started)
        : main(std::move(main)), started(std::move(started)) {}
    void run(Executor&) override { started({}); }
    void refuse(const Failure& failure) override {
        Runtime::get().forget_main(main.lock());
        started(failure);
    }
    std::weak_ptr<Executor> main;
    std::function<void(const Failure&)> started;
};

// What most programs import, so that their load does not wait for it.
struct WarmUpJob : Job {
    void run(Executor& executor) override {
        Ref::steal(py.PyObject_CallObject(executor.interpreter().support.warm_up.get(), nullptr));
        py.PyErr_Clear();
    }
    void refuse(const Failure&) override {}
};

}  // namespace

Runtime& Runtime::get() {
    static auto* runtime = new Runtime;
    return *runtime;
}

void Runtime::start(const StartOptions& options, std::function<void(const Failure&)> started) {
    std::unique_lock lock(mutex_);
    if (main_ == nullptr) {
        main_ = Executor::start(Executor::Kind::main, options);
        options_ = options;
    }
    auto main = main_;
    bool same = options.library == options_.library && options.environment == options_.environment &&
                options.system_allocator == options_.system_allocator;
    std::string running = options_.library;
    lock.unlock();
    if (main == nullptr) {
        started(fail("ERR_EXT_UNSUPPORTED", "the system has no thread left for Python"));
    } else if (!same) {
        started(fail("ERR_EXT_UNSUPPORTED",
                     "this process already runs the CPython of " + running +
                         ", and can run no other or with other "
                         "options: give every pyvm() the same, or place one of them in a process of its own"));
    } else {
        main->post(std::make_unique<StartJob>(main, std::move(started)));
    }
}

void Runtime::forget_main(const std::shared_ptr<Executor>& failed) {
    std::scoped_lock lock(mutex_);
    if (main_ != failed) return;
    main_->finish(nullptr);
    main_ = nullptr;
}

std::shared_ptr<Executor> Runtime::main() {
    std::scoped_lock lock(mutex_);
    return main_;
}

std::shared_ptr<Executor> Runtime::take(Executor::Kind kind) {
    if (kind == Executor::Kind::own_gil) {
        std::scoped_lock lock(mutex_);
        if (spare_ != nullptr) return std::move(spare_);
    }
    return Executor::start(kind);
}

void Runtime::replenish() {
    std::scoped_lock lock(mutex_);
    if (spare_ != nullptr || !has_own_gil()) return;
    spare_ = Executor::start(Executor::Kind::own_gil);
    if (spare_ != nullptr) spare_->post(std::make_unique<WarmUpJob>());
}

void Runtime::rouse() {
    std::scoped_lock lock(mutex_);
    if (spare_ != nullptr) spare_->post(std::make_unique<WarmUpJob>());
}

}  // namespace pyvm
