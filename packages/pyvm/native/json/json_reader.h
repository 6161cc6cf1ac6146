// JSON text to Python objects, with the meaning of json.loads.
#pragma once

#include <string>
#include <vector>

#include "json/key_cache.h"

namespace pyvm {

// Reads what is valid and usual. Anything else (errors, which json.loads words better; deep nesting, whose limit is
// CPython's; the longest integers) is left to json.loads itself, so that there is one answer.
class JsonReader {
  public:
    explicit JsonReader(KeyCache& keys) : keys_(keys) {}

    // A new reference; or null, without an error pending, where json.loads has to answer. `text` is UTF-8, and ends
    // with a NUL and kTextPadding bytes that may be read. Attached threads only.
    PyObject* read(const char* text, std::size_t size);

  private:
    PyObject* value(int depth);
    PyObject* object(int depth);
    PyObject* array(int depth);
    PyObject* string();
    PyObject* string_with_escapes(const char* start);
    PyObject* key();
    PyObject* number();
    PyObject* constant(const char* word, std::size_t size, PyObject* object);
    PyObject* leave(std::size_t base);
    void skip_space();
    bool hex4(unsigned& unit);

    KeyCache& keys_;
    const char* at_ = nullptr;
    std::vector<PyObject*> stack_;       // owned elements of the arrays that are open
    std::vector<char32_t> characters_;   // of a string with escapes
};

}  // namespace pyvm
