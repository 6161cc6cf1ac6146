// One OS thread attached to one interpreter, with a queue of jobs, and at most one program loaded.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "abort.h"
#include "failure.h"
#include "interpreter.h"
#include "json_reader.h"
#include "json_writer.h"

namespace pyvm {

class Executor;
class Completions;

// Work for an executor's thread. Run attached; destroyed without being run when the executor could not start.
struct Job {
    virtual ~Job() = default;
    virtual void run(Executor& executor) = 0;
    // The executor's interpreter could not be made.
    virtual void refuse(const Failure& failure) = 0;
};

// What load() left in the interpreter.
struct Guest {
    std::int64_t program = 0;
    std::string module_name;
    std::vector<Ref> functions;
};

class Executor : public std::enable_shared_from_this<Executor> {
  public:
    enum class Kind { main, shared, own_gil };

    // Starts the thread; its interpreter is made there, before the first job. `main` starts CPython itself.
    static std::shared_ptr<Executor> start(Kind kind, const StartOptions& options = {});

    // Any thread. The job runs after those posted before it.
    void post(std::unique_ptr<Job> job);

    // The thread ends after the jobs posted before, and the interpreter with it if it is its own. Any thread, once.
    void finish(std::function<void()> when_ended);

    // Stops the call that runs, if its number is still `call`. Any thread.
    void abort(std::uint64_t call) { abort_call(*interpreter_, gate_, call, shared_from_this()); }
    AbortGate& gate() { return gate_; }

    // On attached threads, one at a time.
    Interpreter& interpreter() { return *interpreter_; }
    JsonReader& reader() { return reader_; }
    JsonWriter& writer() { return writer_; }
    Guest& guest() { return guest_; }

    // A caller that stays on its own thread takes the executor, between calls of its thread, and gives it back.
    // Thread states belong to the thread that made them: `attach` makes one at its first use, `release` removes it.
    void attach_caller();
    void detach_caller();
    void release_caller();

    ~Executor();

  private:
    explicit Executor(Kind kind, const StartOptions& options) : kind_(kind), options_(options), reader_(keys_) {}

    void main();
    bool start_interpreter();
    void end_interpreter();
    std::unique_ptr<Job> next();
    bool spin();

    const Kind kind_;
    const StartOptions options_;
    // Kept for ever when the interpreter had to be abandoned with threads in it.
    Interpreter* interpreter_ = nullptr;
    PyThreadState* thread_state_ = nullptr;  // of the executor's own thread
    PyThreadState* caller_state_ = nullptr;  // of the thread that calls synchronously
    AbortGate gate_;
    KeyCache keys_;
    JsonReader reader_;
    JsonWriter writer_;
    Guest guest_;
    Failure start_failure_;

    std::mutex mutex_;  // guards what follows
    std::condition_variable posted_;
    std::deque<std::unique_ptr<Job>> queue_;
    std::function<void()> when_ended_;
    bool finishing_ = false;
    bool asleep_ = false;
    std::atomic<std::size_t> length_{0};  // of the queue; `finishing_` counts as one
};

}  // namespace pyvm
