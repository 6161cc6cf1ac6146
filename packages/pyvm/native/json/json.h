// JSON text to Python objects and back: by the addon's own reader and writer where they can, by Python's json where not.
#pragma once

#include <string_view>

#include "json/json_reader.h"
#include "json/json_writer.h"

namespace pyvm {

struct Interpreter;

// A reader and a writer with what they keep. Made and destroyed on attached threads, used by one at a time.
struct JsonCodec {
    KeyCache keys;
    JsonReader reader{keys};
    JsonWriter writer;
};

// json.loads, for what the reader leaves to it; and json.dumps, for what the writer does.
Ref loads(const Interpreter& interpreter, std::string_view text);
bool dumps(const Interpreter& interpreter, JsonWriter& writer, PyObject* value, const JsonRules& rules);

// Null with Python's own exception pending for what is not JSON. `text` ends with a NUL and kTextPadding bytes that may be
// read.
inline Ref from_json(const Interpreter& interpreter, JsonReader& reader, std::string_view text) {
    Ref value = Ref::steal(reader.read(text.data(), text.size()));
    return value ? std::move(value) : loads(interpreter, text);
}

// Leaves the text in `writer`. False with Python's own exception pending where the value has no JSON form, and without one
// where its text has more than `most` bytes: the writer is then over.
inline bool to_json(const Interpreter& interpreter, JsonWriter& writer, PyObject* value, std::size_t most,
                    const JsonRules& rules) {
    return writer.write(value, most, rules) || (!writer.over() && !rules.extend && dumps(interpreter, writer, value, rules));
}

}  // namespace pyvm
