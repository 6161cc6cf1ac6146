// Python objects to JSON text, with the meaning of json.dumps.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "cpython/python_ref.h"
#include "json/json_text.h"

namespace pyvm {

// How a program's values are written where not as json.dumps does; functions of Python, or null.
struct JsonRules {
    Ref dumps;   // in place of json.dumps
    Ref extend;  // a plainer value for one that this writer does not know: with it, nothing is left to json.dumps
    Ref key;     // a str for a key that is none; there is one where `extend` is
};

// Writes the seven types of JSON and tuples, all of them exactly and not of subclasses, and str keys. Anything else is
// left to json.dumps itself, or to the rules. The text is compact UTF-8; what is not ASCII stays as it is, as JSON.stringify
// does.
class JsonWriter {
  public:
    // False where json.dumps has to answer, or where it is longer than `most` bytes, without an error pending. Attached
    // threads only; runs no Python code. With rules that extend it runs theirs, and false with an error pending means that
    // there is no text.
    bool write(PyObject* value, std::size_t most, const JsonRules& rules);
    // Takes text that json.dumps wrote. False where it is too long.
    bool assign(const char* text, std::size_t size);
    // What was to be written is longer than it may be: nothing of it is of use, and `size` says how far it came.
    bool over() const { return over_; }

    const char* data() const { return buffer_.data(); }
    std::size_t size() const { return size_; }
    bool is_ascii() const { return ascii_; }
    // Gives memory back after an unusually long text.
    void trim();

  private:
    bool value(PyObject* value, int depth);
    bool extended(PyObject* value, int depth);
    bool key(PyObject* name);
    bool too_deep();
    bool object(PyObject* dict, int depth);
    bool list(PyObject* list, int depth);
    bool tuple(PyObject* tuple, int depth);
    bool integer(PyObject* number);
    bool real(double number);
    bool string(PyObject* text);
    void quoted(const char* text, std::size_t size);
    void escaped(const char* text, const char* end);
    void put(const char* text, std::size_t size) {
        std::memcpy(room(size), text, size);
        size_ += size;
    }
    void put(char c) {
        *room(1) = c;
        size_++;
    }
    // Where the next `size` bytes go; there is room for them, and for as many as the scanner reads ahead.
    char* room(std::size_t size) {
        if (size_ + size + kTextPadding > buffer_.size()) grow(size);
        return buffer_.data() + size_;
    }
    void grow(std::size_t size);
    // Whether so many bytes more are too many.
    bool too_long(std::size_t more) { return over_ = over_ || size_ + more > most_; }

    const JsonRules* rules_ = nullptr;  // those that extend; null for none
    std::vector<char> buffer_;
    std::size_t size_ = 0;
    std::size_t most_ = 0;
    bool over_ = false;
    bool ascii_ = true;
};

}  // namespace pyvm
