#include "json/json_reader.h"

#include "json/json_text.h"

namespace pyvm {

namespace {

// Past this json.loads answers, whose limit depends on the version and on the stack.
constexpr int kDeepest = 400;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr double kPowersOfTen[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

}  // namespace

PyObject* JsonReader::read(const char* text, std::size_t size) {
    at_ = text;
    Ref result = Ref::steal(value(0));
    if (!result) {
        if (py.PyErr_Occurred() != nullptr) py.PyErr_Clear();
        return nullptr;
    }
    skip_space();
    return at_ == text + size ? result.release() : nullptr;
}

void JsonReader::skip_space() {
    while (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r') at_++;
}

PyObject* JsonReader::value(int depth) {
    skip_space();
    switch (*at_) {
        case '{': return depth < kDeepest ? object(depth + 1) : nullptr;
        case '[': return depth < kDeepest ? array(depth + 1) : nullptr;
        case '"': at_++; return string();
        case 't': return constant("true", 4, py._Py_TrueStruct);
        case 'f': return constant("false", 5, py._Py_FalseStruct);
        case 'n': return constant("null", 4, py._Py_NoneStruct);
        default: return number();
    }
}

PyObject* JsonReader::constant(const char* word, std::size_t size, PyObject* object) {
    if (std::strncmp(at_, word, size) != 0) return nullptr;
    at_ += size;
    add_reference(object);
    return object;
}

PyObject* JsonReader::object(int depth) {
    Ref result = Ref::steal(py.PyDict_New());
    if (!result) return nullptr;
    at_++;
    skip_space();
    if (*at_ == '}') {
        at_++;
        return result.release();
    }
    for (;;) {
        if (*at_ != '"') return nullptr;
        at_++;
        Ref name = Ref::steal(key());
        if (!name) return nullptr;
        skip_space();
        if (*at_ != ':') return nullptr;
        at_++;
        Ref member = Ref::steal(value(depth));
        if (!member || py.PyDict_SetItem(result.get(), name.get(), member.get()) != 0) return nullptr;
        skip_space();
        char next = *at_++;
        if (next == '}') return result.release();
        if (next != ',') return nullptr;
        skip_space();
    }
}

// Drops the elements of an array that turned out to be wrong.
PyObject* JsonReader::leave(std::size_t base) {
    while (stack_.size() > base) {
        drop_reference(stack_.back());
        stack_.pop_back();
    }
    return nullptr;
}

PyObject* JsonReader::array(int depth) {
    std::size_t base = stack_.size();
    at_++;
    skip_space();
    if (*at_ == ']') {
        at_++;
        return py.PyList_New(0);
    }
    for (;;) {
        PyObject* element = value(depth);
        if (element == nullptr) return leave(base);
        stack_.push_back(element);
        skip_space();
        char next = *at_++;
        if (next == ']') break;
        if (next != ',') return leave(base);
    }
    PyObject* list = py.PyList_New(stack_.size() - base);
    if (list == nullptr) return leave(base);
    for (std::size_t i = base; i < stack_.size(); i++) py.PyList_SetItem(list, i - base, stack_[i]);
    stack_.resize(base);
    return list;
}

PyObject* JsonReader::key() {
    const char* start = at_;
    const char* end = find_special(start);
    if (*end != '"') return string();
    at_ = end + 1;
    return keys_.get(start, end - start);
}

// From behind the opening quote.
PyObject* JsonReader::string() {
    const char* start = at_;
    const char* end = find_special(start);
    if (*end == '"') {
        at_ = end + 1;
        return py.PyUnicode_FromKindAndData(1, start, end - start);
    }
    while (static_cast<unsigned char>(*end) >= 0x80) end = find_special(end + 1);
    if (*end == '"') {
        at_ = end + 1;
        return py.PyUnicode_DecodeUTF8(start, end - start, nullptr);
    }
    return *end == '\\' ? string_with_escapes(start) : nullptr;
}

bool JsonReader::hex4(unsigned& unit) {
    unit = 0;
    for (int i = 0; i < 4; i++, at_++) {
        char c = *at_;
        unsigned digit = is_digit(c)              ? c - '0'
                         : (c >= 'a' && c <= 'f') ? c - 'a' + 10
                         : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                                  : 16;
        if (digit == 16) return false;
        unit = unit << 4 | digit;
    }
    return true;
}

// Code points one by one: an escaped surrogate that has no partner stays alone, which UTF-8 could not say.
PyObject* JsonReader::string_with_escapes(const char* start) {
    characters_.clear();
    at_ = start;
    for (;;) {
        auto c = static_cast<unsigned char>(*at_);
        if (c == '"') break;
        if (c < 0x20) return nullptr;
        if (c >= 0x80) {
            // Well-formed, since the text comes from a JavaScript string.
            int more = c >= 0xF0 ? 3 : c >= 0xE0 ? 2 : 1;
            char32_t point = c & (0x3F >> more);
            for (at_++; more > 0; more--) point = point << 6 | (static_cast<unsigned char>(*at_++) & 0x3F);
            characters_.push_back(point);
            continue;
        }
        at_++;
        if (c != '\\') {
            characters_.push_back(c);
            continue;
        }
        switch (*at_++) {
            case '"': characters_.push_back('"'); break;
            case '\\': characters_.push_back('\\'); break;
            case '/': characters_.push_back('/'); break;
            case 'b': characters_.push_back('\b'); break;
            case 'f': characters_.push_back('\f'); break;
            case 'n': characters_.push_back('\n'); break;
            case 'r': characters_.push_back('\r'); break;
            case 't': characters_.push_back('\t'); break;
            case 'u': {
                unsigned unit = 0;
                if (!hex4(unit)) return nullptr;
                char32_t point = unit;
                if (unit >= 0xD800 && unit < 0xDC00 && at_[0] == '\\' && at_[1] == 'u') {
                    const char* back = at_;
                    at_ += 2;
                    unsigned low = 0;
                    if (!hex4(low)) return nullptr;
                    if (low >= 0xDC00 && low < 0xE000) {
                        point = 0x10000 + ((unit - 0xD800) << 10 | (low - 0xDC00));
                    } else {
                        at_ = back;
                    }
                }
                characters_.push_back(point);
                break;
            }
            default: return nullptr;
        }
    }
    at_++;
    return py.PyUnicode_FromKindAndData(4, characters_.data(), characters_.size());
}

PyObject* JsonReader::number() {
    const char* start = at_;
    const char* p = start;
    bool negative = *p == '-';
    if (negative) p++;
    if (!is_digit(*p)) return nullptr;
    const char* digits = p;
    std::uint64_t whole = 0;
    if (*p == '0') {
        p++;
    } else {
        while (is_digit(*p)) whole = whole * 10 + (*p++ - '0');
    }
    std::ptrdiff_t significant = p - digits;
    bool integer = true;
    std::ptrdiff_t fraction = 0;
    if (*p == '.' && is_digit(p[1])) {
        integer = false;
        const char* point = p++;
        while (is_digit(*p)) whole = whole * 10 + (*p++ - '0');
        fraction = p - point - 1;
        significant += fraction;
    }
    bool exponent = false;
    if (*p == 'e' || *p == 'E') {
        const char* q = p + 1;
        if (*q == '+' || *q == '-') q++;
        if (is_digit(*q)) {
            integer = false;
            exponent = true;
            while (is_digit(*q)) q++;
            p = q;
        }
    }
    at_ = p;
    if (integer) {
        if (significant <= 18) return py.PyLong_FromLongLong(negative ? -static_cast<long long>(whole) : whole);
        return py.PyLong_FromString(std::string(start, p).c_str(), nullptr, 10);
    }
    if (!exponent && significant <= 15 && fraction <= 22) {
        // Both are exact as doubles, so that one division rounds correctly.
        double magnitude = static_cast<double>(whole) / kPowersOfTen[fraction];
        return py.PyFloat_FromDouble(negative ? -magnitude : magnitude);
    }
    char* end = nullptr;
    double number = py.PyOS_string_to_double(start, &end, nullptr);
    return end == p ? py.PyFloat_FromDouble(number) : nullptr;
}

}  // namespace pyvm
