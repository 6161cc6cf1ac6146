// One loaded copy of a program, as JavaScript holds it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "call.h"
#include "completions.h"
#include "program.h"

namespace pyvm {

// Used on the thread of its Node environment only. JavaScript sees to it that no two calls of it run at a time.
class Instance {
  public:
    // Null when the system has no thread left. The load ends with the completion of `token`.
    static std::unique_ptr<Instance> load(Executor::Kind kind, ProgramSource source, std::uint32_t token,
                                          std::shared_ptr<Completions> completions);

    // `payload` ends with a NUL and kTextPadding bytes.
    void invoke(std::uint32_t token, std::size_t function, std::string payload, std::size_t size);

    // Calls on the calling thread; `milliseconds` may be infinite. True: `result` is filled and given back by
    // `done_with_result`. Where the stack is too small for Python, its own thread makes the call while this one waits.
    struct Result {
        const char* data;
        std::size_t size;
        bool ascii;
    };
    bool invoke_sync(std::size_t function, std::string_view payload, double milliseconds, Result& result, Failure& failure);
    void done_with_result() { executor_->writer().trim(); }

    // Stops the call or the load that runs, if any.
    void abort();
    // Ends the executor; `when_ended` is called on its thread. Once; no call runs.
    void close(std::function<void()> when_ended);
    // The environment ends: whatever runs is aborted, nothing is waited for.
    void drop();

    bool closed() const { return executor_ == nullptr; }

  private:
    Instance(std::shared_ptr<Executor> executor, std::shared_ptr<Completions> completions, std::int64_t program)
        : executor_(std::move(executor)), completions_(std::move(completions)), program_(program) {}

    std::shared_ptr<Executor> executor_;
    std::shared_ptr<Completions> completions_;
    std::int64_t program_;
    std::shared_ptr<Cancellation> cancellation_ = std::make_shared<Cancellation>();
};

}  // namespace pyvm
