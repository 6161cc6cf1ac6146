#include "bridge/host_call.h"

#include <chrono>

#include "json/json_text.h"

namespace pyvm {

void HostCall::answer(std::string_view text) {
    std::string kept;
    kept.reserve(text.size() + kTextPadding);
    kept.assign(text).append(kTextPadding, '\0');
    std::scoped_lock lock(mutex_);
    if (ended_) return;
    ended_ = true;
    text_ = std::move(kept);
    size_ = text.size();
    changed_.notify_one();
}

void HostCall::fail(const char* name, const char* message) { answer(std::string("![\"") + name + "\",\"" + message + "\"]"); }

void HostCall::interrupt() {
    std::scoped_lock lock(mutex_);
    ended_ = true;
    changed_.notify_one();
}

bool HostCall::ended() {
    std::scoped_lock lock(mutex_);
    return ended_;
}

bool HostCall::wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ended_; });
    return size_ > 0;
}

bool HostCall::wait_for(int milliseconds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::milliseconds(milliseconds), [this] { return ended_; });
}

}  // namespace pyvm
