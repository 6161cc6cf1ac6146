// One call of a host function by a guest.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace pyvm {

// Made and waited for on a thread of the guest, answered on JavaScript's.
class HostCall {
  public:
    HostCall(std::int64_t program, std::string name, std::string payload, bool ascii)
        : program(program), name(std::move(name)), payload(std::move(payload)), ascii(ascii) {}

    const std::int64_t program;
    const std::string name;
    const std::string payload;  // JSON
    const bool ascii;  // of the payload
    // By which JavaScript answers it; of the HostCalls that it was sent to.
    std::uint64_t id = 0;

    // Any thread. The first one that is called counts, and the guest goes on.
    void answer(std::string_view text);
    void fail(const char* name, const char* message);
    void interrupt();
    // Nobody needs the answer any more, or it is here.
    bool ended();

    // Detached, until there is an answer: true. False: it was interrupted.
    bool wait();
    // The same, for some milliseconds at the most: false while there is nothing.
    bool wait_for(int milliseconds);
    // After that: as src/bridge.ts gives it, followed by a NUL and padding. Empty where it was interrupted.
    std::string_view text() const { return {text_.data(), size_}; }

  private:
    std::mutex mutex_;  // guards what follows
    std::condition_variable changed_;
    bool ended_ = false;
    std::string text_;
    std::size_t size_ = 0;
};

// Where the host calls of a guest go whose caller waits for it with JavaScript's thread.
class HostDesk {
  public:
    virtual ~HostDesk() = default;
    virtual void ask(std::shared_ptr<HostCall> call) = 0;
};

}  // namespace pyvm
