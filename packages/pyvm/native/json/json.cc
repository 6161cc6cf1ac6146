#include "json/json.h"

#include "interpreter/interpreter.h"

namespace pyvm {

Ref loads(const Interpreter& interpreter, std::string_view text) {
    Ref string = Ref::steal(py.PyUnicode_DecodeUTF8(text.data(), text.size(), nullptr));
    if (!string) return string;
    return Ref::steal(py.PyObject_CallOneArg(interpreter.support.loads.get(), string.get()));
}

bool dumps(const Interpreter& interpreter, JsonWriter& writer, PyObject* value, const JsonRules& rules) {
    const Ref& write = rules.dumps ? rules.dumps : interpreter.support.dumps;
    Ref string = Ref::steal(py.PyObject_CallOneArg(write.get(), value));
    PySize size = 0;
    const char* text = string ? py.PyUnicode_AsUTF8AndSize(string.get(), &size) : nullptr;
    if (text == nullptr) return false;
    return writer.assign(text, size);
}

}  // namespace pyvm
