// The CPython of this process, and the interpreters that wait for a program.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "executor/executor.h"

namespace pyvm {

// One for the process, whatever number of Node environments uses it; never destroyed.
class Runtime {
  public:
    static Runtime& get();

    // Starts CPython, once; `started` is told, on a thread of the addon, an empty Failure or what is wrong. Starting it
    // again with the same library succeeds; with another one it fails, since a process has one CPython.
    void start(const StartOptions& options, std::function<void(const Failure&)> started);

    // CPython could not be started by this executor; another attempt, with another library, may succeed.
    void forget_main(const std::shared_ptr<Executor>& failed);

    // The executor of the main interpreter, where programs are compiled. Null before start.
    std::shared_ptr<Executor> main();

    // An executor for one program. With a GIL of its own it is the spare one, if there is one. Null when the system has
    // no thread left.
    std::shared_ptr<Executor> take(Executor::Kind kind);
    // Makes the spare interpreter, if there is none.
    void replenish();
    // It will be wanted at once: has it do again what it did while nobody waited, so that its thread and its code are at hand.
    void rouse();

  private:
    std::mutex mutex_;  // guards what follows
    std::shared_ptr<Executor> main_;
    std::shared_ptr<Executor> spare_;
    StartOptions options_;
};

}  // namespace pyvm
