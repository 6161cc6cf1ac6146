#include "bridge/js_text.h"

#include "json/json_text.h"

namespace pyvm {

namespace {

constexpr std::size_t kUsual = 32 * 1024;

}  // namespace

std::string_view read_text(napi_env env, napi_value value, std::vector<char>& buffer) {
    if (buffer.size() < kUsual) buffer.resize(kUsual);
    std::size_t size = 0;
    napi_get_value_string_utf8(env, value, buffer.data(), buffer.size() - kTextPadding, &size);
    // A full buffer may end in the middle of the text; four bytes short of full is full for a long character.
    if (size + kTextPadding + 5 >= buffer.size()) {
        napi_get_value_string_utf8(env, value, nullptr, 0, &size);
        buffer.resize(size + kTextPadding + 8);
        napi_get_value_string_utf8(env, value, buffer.data(), size + 1, &size);
    }
    return {buffer.data(), size};
}

napi_value make_text(napi_env env, std::string_view text, bool ascii) {
    napi_value made = nullptr;
    if (ascii) {
        napi_create_string_latin1(env, text.data(), text.size(), &made);
    } else {
        napi_create_string_utf8(env, text.data(), text.size(), &made);
    }
    bool pending = false;
    if (made == nullptr && napi_is_exception_pending(env, &pending) == napi_ok && pending) {
        napi_value thrown = nullptr;
        napi_get_and_clear_last_exception(env, &thrown);
    }
    return made;
}

}  // namespace pyvm
