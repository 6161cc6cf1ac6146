// Text of the host's to Python objects, and back.
#include <cstdlib>
#include <cstring>

#include "json/json_text.h"
#include "shim.h"

namespace pywasm {

namespace {

constexpr std::size_t kLeast = 4096;
Codec* at_hand = nullptr;

}  // namespace

char* Buffer::room(std::size_t size) {
    if (bytes_ != nullptr && size <= size_) return bytes_;
    std::size_t wanted = size < kLeast ? kLeast : size + size / 4;
    char* bytes = static_cast<char*>(std::malloc(wanted + 1 + pyvm::kTextPadding));
    if (bytes == nullptr) return nullptr;
    std::free(bytes_);
    bytes_ = bytes;
    size_ = wanted;
    return bytes_;
}

std::string_view Buffer::text(std::size_t size) {
    std::memset(bytes_ + size, 0, 1 + pyvm::kTextPadding);
    return {bytes_, size};
}

Codec* Codec::take() {
    Codec* codec = at_hand != nullptr ? at_hand : new Codec;
    at_hand = nullptr;
    return codec;
}

void Codec::give(Codec* codec) {
    delete at_hand;
    at_hand = codec;
}

Ref from_json(Codec& codec, std::string_view text) {
    Ref value = Ref::steal(codec.reader.read(text.data(), text.size()));
    if (value) return value;
    Ref string = Ref::steal(PyUnicode_DecodeUTF8(text.data(), text.size(), nullptr));
    if (!string) return string;
    return Ref::steal(PyObject_CallOneArg(support.loads.get(), string.get()));
}

bool to_json(Codec& codec, PyObject* value, std::size_t most) {
    JsonWriter& writer = codec.writer;
    if (writer.write(value, most, rules)) return true;
    if (writer.over() || rules.extend) return false;
    const Ref& write = rules.dumps ? rules.dumps : support.dumps;
    Ref string = Ref::steal(PyObject_CallOneArg(write.get(), value));
    Py_ssize_t size = 0;
    const char* text = string ? PyUnicode_AsUTF8AndSize(string.get(), &size) : nullptr;
    return text != nullptr && writer.assign(text, size);
}

}  // namespace pywasm
