#include "json/json_writer.h"

#include <charconv>
#include <cmath>

#include "json/json_text.h"

namespace pyvm {

namespace {

// Past this json.dumps answers: it knows a circle when it sees one.
constexpr int kDeepest = 400;
constexpr std::size_t kKept = 1 << 20;  // bytes of buffer kept between calls

// Exact as long as a double counts in ones.
constexpr double kWholeDoubles = 1e15;

}  // namespace

bool JsonWriter::write(PyObject* root, std::size_t most, const JsonRules& rules) {
    rules_ = rules.extend ? &rules : nullptr;
    size_ = 0;
    most_ = most;
    over_ = false;
    ascii_ = true;
    if (value(root, 0) && !too_long(0)) return true;
    if (py.PyErr_Occurred() != nullptr && (rules_ == nullptr || over_)) py.PyErr_Clear();
    return false;
}

bool JsonWriter::assign(const char* text, std::size_t size) {
    size_ = 0;
    ascii_ = false;  // not looked at
    if (too_long(size)) {
        size_ = size;
        return false;
    }
    put(text, size);
    return true;
}

void JsonWriter::trim() {
    if (buffer_.size() <= kKept) return;
    buffer_ = {};
    size_ = 0;
}

void JsonWriter::grow(std::size_t size) { buffer_.resize((size_ + size) * 2 + 256); }

bool JsonWriter::value(PyObject* object_, int depth) {
    if (object_ == py._Py_NoneStruct) return put("null", 4), true;
    if (object_ == py._Py_TrueStruct) return put("true", 4), true;
    if (object_ == py._Py_FalseStruct) return put("false", 5), true;
    PyObject* type = type_of(object_);
    if (type == py.PyUnicode_Type) return string(object_);
    if (type == py.PyLong_Type) return integer(object_);
    if (type == py.PyFloat_Type) return real(py.PyFloat_AsDouble(object_));
    if (depth >= kDeepest) return too_deep();
    if (type == py.PyDict_Type) return object(object_, depth + 1);
    if (type == py.PyList_Type) return list(object_, depth + 1);
    if (type == py.PyTuple_Type) return tuple(object_, depth + 1);
    return rules_ != nullptr && extended(object_, depth + 1);
}

bool JsonWriter::too_deep() {
    if (rules_ != nullptr) py.PyErr_SetString(*py.PyExc_RecursionError, "it is nested deeper than 400 levels, or holds itself");
    return false;
}

bool JsonWriter::extended(PyObject* object, int depth) {
    Ref plainer = Ref::steal(py.PyObject_CallOneArg(rules_->extend.get(), object));
    return plainer && value(plainer.get(), depth);
}

bool JsonWriter::key(PyObject* name) {
    if (type_of(name) == py.PyUnicode_Type) return string(name);
    if (rules_ == nullptr) return false;
    Ref text = Ref::steal(py.PyObject_CallOneArg(rules_->key.get(), name));
    return text && string(text.get());
}

bool JsonWriter::object(PyObject* shared, int depth) {
    // Without a GIL another thread may change a dict that is being walked, and so may the code of rules; a copy is nobody
    // else's.
    Ref copy = Ref::steal(py.without_gil || rules_ != nullptr ? py.PyDict_Copy(shared) : nullptr);
    PyObject* dict = copy ? copy.get() : shared;
    put('{');
    PySize position = 0;
    PyObject* name = nullptr;
    PyObject* member = nullptr;
    bool first = true;
    while (py.PyDict_Next(dict, &position, &name, &member) != 0) {
        if (!first) put(',');
        first = false;
        if (too_long(0)) return false;
        if (!key(name)) return false;
        put(':');
        if (!value(member, depth)) return false;
    }
    put('}');
    return true;
}

bool JsonWriter::list(PyObject* list, int depth) {
    put('[');
    for (PySize i = 0; i < py.PyList_Size(list); i++) {
        if (i > 0) put(',');
        if (too_long(0)) return false;
        Ref element = py.PyList_GetItemRef != nullptr ? Ref::steal(py.PyList_GetItemRef(list, i))
                                                      : Ref::share(py.PyList_GetItem(list, i));
        if (!element || !value(element.get(), depth)) return false;
    }
    put(']');
    return true;
}

bool JsonWriter::tuple(PyObject* tuple, int depth) {
    put('[');
    PySize size = py.PyTuple_Size(tuple);
    for (PySize i = 0; i < size; i++) {
        if (i > 0) put(',');
        if (too_long(0)) return false;
        if (!value(py.PyTuple_GetItem(tuple, i), depth)) return false;
    }
    put(']');
    return true;
}

bool JsonWriter::integer(PyObject* number) {
    int overflow = 0;
    long long small = py.PyLong_AsLongLongAndOverflow(number, &overflow);
    if (overflow == 0) {
        char* at = room(24);
        size_ += std::to_chars(at, at + 24, small).ptr - at;
        return true;
    }
    Ref digits = Ref::steal(py.PyObject_Str(number));
    PySize size = 0;
    const char* text = digits ? py.PyUnicode_AsUTF8AndSize(digits.get(), &size) : nullptr;
    if (text == nullptr) return false;
    put(text, size);
    return true;
}

bool JsonWriter::real(double number) {
    if (!std::isfinite(number)) return rules_ != nullptr && (put("null", 4), true);
    if (std::fabs(number) < kWholeDoubles && number == std::trunc(number) && !(number == 0 && std::signbit(number))) {
        char* at = room(24);
        size_ += std::to_chars(at, at + 24, static_cast<long long>(number)).ptr - at;
        put(".0", 2);
        return true;
    }
    char* text = py.PyOS_double_to_string(number, 'r', 0, kFloatAddDotZero, nullptr);
    if (text == nullptr) return false;
    put(text, std::strlen(text));
    py.PyMem_Free(text);
    return true;
}

bool JsonWriter::string(PyObject* text) {
    PySize size = 0;
    if (const char* data = py.PyUnicode_AsUTF8AndSize(text, &size)) {
        if (too_long(size)) return false;
        quoted(data, size);
        return true;
    }
    // A lone surrogate, which UTF-8 cannot say and JSON's escapes can.
    py.PyErr_Clear();
    Ref bytes = Ref::steal(py.PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass"));
    char* data = nullptr;
    if (!bytes || py.PyBytes_AsStringAndSize(bytes.get(), &data, &size) != 0 || too_long(size)) return false;
    quoted(data, size);
    return true;
}

void JsonWriter::quoted(const char* text, std::size_t size) {
    const char* end = text + size;
    char* out = room(size + 2);
    *out++ = '"';
    const char* at = text;
    for (; end - at >= 8; at += 8, out += 8) {
        std::uint64_t word = load_word(at);
        if (special_bytes(word) != 0) break;
        std::memcpy(out, &word, 8);
    }
    for (; at < end; at++) {
        auto c = static_cast<unsigned char>(*at);
        if (c < 0x20 || c == '"' || c == '\\' || c >= 0x80) break;
        *out++ = *at;
    }
    size_ = out - buffer_.data();
    if (at < end) escaped(at, end);
    put('"');
}

// The rest of a string, byte by byte, from the first byte on that is not itself.
void JsonWriter::escaped(const char* at, const char* end) {
    static const char hex[] = "0123456789abcdef";
    for (; at < end; at++) {
        auto c = static_cast<unsigned char>(*at);
        if (c >= 0x80) {
            ascii_ = false;
            auto next = static_cast<unsigned char>(at[1]);
            if (c == 0xED && next >= 0xA0) {
                unsigned unit = 0xD000 | (next & 0x3F) << 6 | (static_cast<unsigned char>(at[2]) & 0x3F);
                const char escape[6] = {'\\', 'u', hex[unit >> 12], hex[unit >> 8 & 15], hex[unit >> 4 & 15], hex[unit & 15]};
                put(escape, 6);
                at += 2;
            } else {
                put(*at);
            }
        } else if (c == '"' || c == '\\') {
            put('\\');
            put(*at);
        } else if (c >= 0x20) {
            put(*at);
        } else {
            const char letter = c == '\n' ? 'n' : c == '\t' ? 't' : c == '\r' ? 'r' : c == '\b' ? 'b' : c == '\f' ? 'f' : 'u';
            put('\\');
            put(letter);
            if (letter == 'u') {
                const char digits[4] = {'0', '0', hex[c >> 4], hex[c & 15]};
                put(digits, 4);
            }
        }
    }
}

}  // namespace pyvm
