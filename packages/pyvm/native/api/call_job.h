// An asynchronous call, on its way to its executor and back.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "bridge/completions.h"
#include "executor/call.h"

namespace pyvm {

class Instance;

// Made, withdrawn and told on JavaScript's thread, where it is found again under its token; run on the executor's. One
// atomic step settles whether a call is run or withdrawn.
class CallJob : public Job, public Completion {
  public:
    // One that has been used before, if there is one: its buffers have the right size already.
    static std::unique_ptr<CallJob> make(Instance* instance, Completions* completions, std::uint32_t token,
                                         std::size_t function, std::string_view payload);
    // The rest of a call that has left a coroutine.
    static std::unique_ptr<CallJob> make_rest(Instance* instance, Completions* completions, std::uint32_t token, Ref coroutine);

    // True: it will not run, and nobody is told of it; the executor drops it. False: it runs, or has ended.
    bool withdraw();
    Cancellation& cancellation() { return cancellation_; }
    // The instance is gone, and need not be told.
    void leave() { instance_ = nullptr; }

    void run(Executor& executor) override;
    void refuse(const Failure& failure) override;
    void end(Executor& executor) override;
    void told() override;

  private:
    enum class State { waiting, started, withdrawn };

    static std::unique_ptr<CallJob> make(Instance* instance, Completions* completions, std::uint32_t token);
    bool start();
    bool call(Executor& executor);

    Instance* instance_ = nullptr;
    Completions* completions_ = nullptr;  // kept by the executor
    std::size_t function_ = 0;
    std::string payload_;  // with its padding
    std::size_t size_ = 0;
    Ref coroutine_;  // in place of a function and a payload
    Cancellation cancellation_;
    std::atomic<State> state_{State::waiting};
};

}  // namespace pyvm
