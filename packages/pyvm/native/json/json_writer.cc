#include "json/json_writer.h"

#include <charconv>
#include <cmath>

#include "json/json_text.h"

namespace pyvm {

namespace {

// Past this json.dumps answers: it knows a circle when it sees one.
constexpr int kDeepest = 400;
constexpr std::size_t kKept = 1 << 20;  // bytes of buffer kept between calls
constexpr int kLongestNumber = 24;

// Exact as long as a double counts in ones.
constexpr double kWholeDoubles = 1e15;

}  // namespace

bool JsonWriter::write(PyObject* root, std::size_t most, const JsonRules& rules) {
    rules_ = rules.extend ? &rules : nullptr;
    most_ = most;
    over_ = false;
    ascii_ = true;
    char* out = value(room(buffer_.data(), 0), root, 0);
    if (out != nullptr && !too_long(out, 0)) return true;
    if (py.PyErr_Occurred() != nullptr && (rules_ == nullptr || over_)) py.PyErr_Clear();
    return false;
}

bool JsonWriter::assign(const char* text, std::size_t size) {
    ascii_ = false;  // not looked at
    size_ = size;
    over_ = over_ || size > most_;
    if (!over_) put(room(buffer_.data(), 0), text, size);
    return !over_;
}

void JsonWriter::trim() {
    if (buffer_.size() <= kKept) return;
    // Not `= {}`, which empties a vector and keeps its memory.
    buffer_ = std::vector<char>();
    end_ = buffer_.data();
    size_ = 0;
}

char* JsonWriter::grow(char* out, std::size_t size) {
    std::size_t written = out - buffer_.data();
    buffer_.resize((written + size) * 2 + 256);
    end_ = buffer_.data() + buffer_.size();
    return buffer_.data() + written;
}

char* JsonWriter::value(char* out, PyObject* object_, int depth) {
    PyObject* type = type_of(object_);
    if (type == py.PyUnicode_Type) return string(out, object_);
    if (object_ == py._Py_NoneStruct) return put(out, "null", 4);
    if (object_ == py._Py_TrueStruct) return put(out, "true", 4);
    if (object_ == py._Py_FalseStruct) return put(out, "false", 5);
    if (type == py.PyLong_Type) return integer(out, object_);
    if (type == py.PyFloat_Type) return real(out, py.PyFloat_AsDouble(object_));
    if (depth >= kDeepest) return too_deep();
    if (type == py.PyDict_Type) return object(out, object_, depth + 1);
    if (type == py.PyList_Type) return list(out, object_, depth + 1);
    if (type == py.PyTuple_Type) return tuple(out, object_, depth + 1);
    return rules_ != nullptr ? extended(out, object_, depth + 1) : nullptr;
}

char* JsonWriter::too_deep() {
    if (rules_ != nullptr) py.PyErr_SetString(*py.PyExc_RecursionError, "it is nested deeper than 400 levels, or holds itself");
    return nullptr;
}

char* JsonWriter::extended(char* out, PyObject* object, int depth) {
    Ref plainer = Ref::steal(py.PyObject_CallOneArg(rules_->extend.get(), object));
    return plainer ? value(out, plainer.get(), depth) : nullptr;
}

char* JsonWriter::key(char* out, PyObject* name) {
    if (type_of(name) == py.PyUnicode_Type) return string(out, name);
    if (rules_ == nullptr) return nullptr;
    Ref text = Ref::steal(py.PyObject_CallOneArg(rules_->key.get(), name));
    return text ? string(out, text.get()) : nullptr;
}

char* JsonWriter::object(char* out, PyObject* shared, int depth) {
    // Without a GIL another thread may change a dict that is being walked, and so may the code of rules; a copy is nobody
    // else's.
    Ref copy = Ref::steal(py.without_gil || rules_ != nullptr ? py.PyDict_Copy(shared) : nullptr);
    PyObject* dict = copy ? copy.get() : shared;
    *out++ = '{';
    PySize position = 0;
    PyObject* name = nullptr;
    PyObject* member = nullptr;
    bool first = true;
    while (py.PyDict_Next(dict, &position, &name, &member) != 0) {
        if (!first) *out++ = ',';
        first = false;
        if (too_long(out, 0)) return nullptr;
        out = key(out, name);
        if (out == nullptr) return nullptr;
        *out++ = ':';
        out = value(out, member, depth);
        if (out == nullptr) return nullptr;
    }
    *out++ = '}';
    return room(out, 0);
}

char* JsonWriter::list(char* out, PyObject* list, int depth) {
    *out++ = '[';
    out = room(out, 0);
    for (PySize i = 0; i < py.PyList_Size(list); i++) {
        if (i > 0) *out++ = ',';
        if (too_long(out, 0)) return nullptr;
        Ref element = py.PyList_GetItemRef != nullptr ? Ref::steal(py.PyList_GetItemRef(list, i))
                                                      : Ref::share(py.PyList_GetItem(list, i));
        out = element ? value(out, element.get(), depth) : nullptr;
        if (out == nullptr) return nullptr;
    }
    *out++ = ']';
    return room(out, 0);
}

char* JsonWriter::tuple(char* out, PyObject* tuple, int depth) {
    *out++ = '[';
    out = room(out, 0);
    PySize size = py.PyTuple_Size(tuple);
    for (PySize i = 0; i < size; i++) {
        if (i > 0) *out++ = ',';
        if (too_long(out, 0)) return nullptr;
        out = value(out, py.PyTuple_GetItem(tuple, i), depth);
        if (out == nullptr) return nullptr;
    }
    *out++ = ']';
    return room(out, 0);
}

char* JsonWriter::integer(char* out, PyObject* number) {
    int overflow = 0;
    long long small = py.PyLong_AsLongLongAndOverflow(number, &overflow);
    if (overflow == 0) return room(std::to_chars(out, out + kLongestNumber, small).ptr, 0);
    Ref digits = Ref::steal(py.PyObject_Str(number));
    PySize size = 0;
    const char* text = digits ? py.PyUnicode_AsUTF8AndSize(digits.get(), &size) : nullptr;
    return text != nullptr ? put(out, text, size) : nullptr;
}

char* JsonWriter::real(char* out, double number) {
    if (!std::isfinite(number)) return rules_ != nullptr ? put(out, "null", 4) : nullptr;
    if (std::fabs(number) < kWholeDoubles && number == std::trunc(number) && !(number == 0 && std::signbit(number)))
        return put(std::to_chars(out, out + kLongestNumber, static_cast<long long>(number)).ptr, ".0", 2);
    char* text = py.PyOS_double_to_string(number, 'r', 0, kFloatAddDotZero, nullptr);
    if (text == nullptr) return nullptr;
    out = put(out, text, std::strlen(text));
    py.PyMem_Free(text);
    return out;
}

char* JsonWriter::string(char* out, PyObject* text) {
    PySize size = 0;
    if (const char* data = py.PyUnicode_AsUTF8AndSize(text, &size))
        return too_long(out, size) ? nullptr : quoted(out, data, size);
    // A lone surrogate, which UTF-8 cannot say and JSON's escapes can.
    py.PyErr_Clear();
    Ref bytes = Ref::steal(py.PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass"));
    char* data = nullptr;
    if (!bytes || py.PyBytes_AsStringAndSize(bytes.get(), &data, &size) != 0 || too_long(out, size)) return nullptr;
    return quoted(out, data, size);
}

char* JsonWriter::quoted(char* out, const char* text, std::size_t size) {
    out = room(out, size + 2);
    *out++ = '"';
    const char* at = text;
    const char* end = text + size;
    for (; end - at >= 8; at += 8, out += 8) {
        std::uint64_t word = load_word(at);
        if (special_bytes(word) != 0) break;
        std::memcpy(out, &word, 8);
    }
    if (end - at >= 4 && end - at < 8) {
        // Its first four bytes and its last.
        std::uint32_t first;
        std::uint32_t last;
        std::memcpy(&first, at, 4);
        std::memcpy(&last, end - 4, 4);
        if (special_bytes(static_cast<std::uint64_t>(last) << 32 | first) == 0) {
            std::memcpy(out, &first, 4);
            std::memcpy(out + (end - at) - 4, &last, 4);
            out += end - at;
            at = end;
        }
    }
    for (; at < end; at++) {
        auto c = static_cast<unsigned char>(*at);
        if (c < 0x20 || c == '"' || c == '\\' || c >= 0x80) return escaped(out, at, end);
        *out++ = *at;
    }
    *out++ = '"';
    return out;
}

// The rest of a string and its end, byte by byte, from the first byte on that is not itself.
char* JsonWriter::escaped(char* out, const char* at, const char* end) {
    static const char hex[] = "0123456789abcdef";
    for (; at < end; at++) {
        out = room(out, 0);
        auto c = static_cast<unsigned char>(*at);
        if (c >= 0x80) {
            ascii_ = false;
            auto next = static_cast<unsigned char>(at[1]);
            if (c == 0xED && next >= 0xA0) {
                unsigned unit = 0xD000 | (next & 0x3F) << 6 | (static_cast<unsigned char>(at[2]) & 0x3F);
                const char escape[6] = {'\\', 'u', hex[unit >> 12], hex[unit >> 8 & 15], hex[unit >> 4 & 15], hex[unit & 15]};
                std::memcpy(out, escape, 6);
                out += 6;
                at += 2;
            } else {
                *out++ = *at;
            }
        } else if (c == '"' || c == '\\') {
            *out++ = '\\';
            *out++ = *at;
        } else if (c >= 0x20) {
            *out++ = *at;
        } else {
            const char letter = c == '\n' ? 'n' : c == '\t' ? 't' : c == '\r' ? 'r' : c == '\b' ? 'b' : c == '\f' ? 'f' : 'u';
            *out++ = '\\';
            *out++ = letter;
            if (letter == 'u') {
                const char digits[4] = {'0', '0', hex[c >> 4], hex[c & 15]};
                std::memcpy(out, digits, 4);
                out += 4;
            }
        }
    }
    *out++ = '"';
    return room(out, 0);
}

}  // namespace pyvm
