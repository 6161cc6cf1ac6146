// The host calls of the guests of one Node environment, and its way to the host functions.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "bridge/host_call.h"

namespace pyvm {

class HostCalls {
  public:
    // `ask(program, id, name, payload)` returns the answer, or undefined where it will come by `answer`;
    // `ask_now`, of the same arguments, returns it.
    HostCalls(Napi::Function ask, Napi::Function ask_now) : ask_(Napi::Persistent(ask)), ask_now_(Napi::Persistent(ask_now)) {}

    // Any thread. False: its program, or the environment, is being closed.
    bool open(const std::shared_ptr<HostCall>& call);
    // Its guest waits no more.
    void leave(const HostCall& call);

    // JavaScript's thread, from here on.
    // Asks JavaScript, unless the guest waits no more. Throws nothing.
    void ask(HostCall& call);
    // Does nothing for a call that was left.
    void answer(std::uint64_t id, napi_value text);
    // For a guest that runs while JavaScript's thread waits. False: no JavaScript can be run any more.
    bool ask_now(HostCall& call);
    // Fails the calls of a program that has been closed; those of all for 0.
    void end(std::int64_t program);
    // The environment ends.
    void close();

  private:
    std::shared_ptr<HostCall> take(std::uint64_t id);
    napi_value run(const Napi::FunctionReference& function, HostCall& call, bool& alive);

    Napi::FunctionReference ask_;
    Napi::FunctionReference ask_now_;
    std::vector<char> buffer_;  // of an answer

    std::mutex mutex_;  // guards what follows
    std::unordered_map<std::uint64_t, std::shared_ptr<HostCall>> open_;
    std::uint64_t last_ = 0;
    bool closed_ = false;
};

}  // namespace pyvm
