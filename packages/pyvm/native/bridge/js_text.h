// Texts between JavaScript and UTF-8. JavaScript's thread only.
#pragma once

#include <napi.h>

#include <string_view>
#include <vector>

namespace pyvm {

// A JavaScript string as UTF-8, followed by a NUL and padding. The text stays in `buffer`.
std::string_view read_text(napi_env env, napi_value value, std::vector<char>& buffer);

// A JavaScript string, or null where the text is longer than those can be; then no exception is pending. `ascii`: the text
// is known to be.
napi_value make_text(napi_env env, std::string_view text, bool ascii);

// Gives the memory of an unusually long text back.
inline void trim_buffer(std::vector<char>& buffer) {
    constexpr std::size_t kMost = 1 << 20;
    if (buffer.size() > kMost) buffer = std::vector<char>();  // `= {}` keeps the memory
}

}  // namespace pyvm
