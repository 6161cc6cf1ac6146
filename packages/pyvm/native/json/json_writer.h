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
    // What follows takes where it may write, with `kRoom` bytes of room there, and returns where it has ended, with as many;
    // null where there is no text. The place is passed on and not kept in the writer, where each byte written would have it
    // read again: to the compiler a char may be anything.
    char* value(char* out, PyObject* value, int depth);
    char* extended(char* out, PyObject* value, int depth);
    char* key(char* out, PyObject* name);
    char* object(char* out, PyObject* dict, int depth);
    char* list(char* out, PyObject* list, int depth);
    char* tuple(char* out, PyObject* tuple, int depth);
    char* integer(char* out, PyObject* number);
    char* real(char* out, double number);
    char* string(char* out, PyObject* text);
    char* quoted(char* out, const char* text, std::size_t size);
    char* escaped(char* out, const char* text, const char* end);
    char* put(char* out, const char* text, std::size_t size) {
        out = room(out, size);
        std::memcpy(out, text, size);
        return out + size;
    }
    char* too_deep();

    // More than a number, or two separators and an escape.
    static constexpr std::size_t kRoom = 32;
    // The same place, with room for so many bytes and `kRoom` more.
    char* room(char* out, std::size_t size) {
        return static_cast<std::size_t>(end_ - out) < size + kRoom ? grow(out, size + kRoom) : out;
    }
    char* grow(char* out, std::size_t size);
    // Whether so many bytes more are too many.
    bool too_long(const char* out, std::size_t more) {
        size_ = out - buffer_.data();
        return over_ = over_ || size_ + more > most_;
    }

    const JsonRules* rules_ = nullptr;  // those that extend; null for none
    std::vector<char> buffer_;
    char* end_ = nullptr;  // of the buffer
    std::size_t size_ = 0;
    std::size_t most_ = 0;
    bool over_ = false;
    bool ascii_ = true;
};

}  // namespace pyvm
