// JSON text to Python objects and back: by the addon's own reader and writer where they can, by Python's json where not.
#pragma once

#include <string_view>

#include "json_reader.h"
#include "json_writer.h"

namespace pyvm {

struct Interpreter;

// A reader and a writer with what they keep. Made and destroyed on attached threads, used by one at a time.
struct JsonCodec {
    KeyCache keys;
    JsonReader reader{keys};
    JsonWriter writer;
};

// A new reference, or null with Python's own exception pending. `text` ends with a NUL and kTextPadding bytes that may be read.
Ref from_json(const Interpreter& interpreter, JsonReader& reader, std::string_view text);

// Leaves the text in `writer`. False with Python's own exception pending where the value has no JSON form.
bool to_json(const Interpreter& interpreter, JsonWriter& writer, PyObject* value);

}  // namespace pyvm
