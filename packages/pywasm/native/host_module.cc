// The module `_host`: how the Python half reaches what the host offers.
#include <string>

#include "shim.h"

// Calls a function of the host and waits for it. Its answer is put into `ext_answer_room`; the result is its length.
IMPORTED("host_call")
std::uint32_t host_call(const char* name, std::size_t name_length, const char* payload, std::size_t length);
// Begins the same. The number by which the answer will come, or 0 where it is in `ext_answer_room` already, with its length in
// `*answered`.
IMPORTED("host_begin")
std::uint32_t host_begin(const char* name, std::size_t name_length, const char* payload, std::size_t length,
                         std::uint32_t* answered);
// Takes output of a level.
IMPORTED("write") void host_write(int level, const char* text, std::size_t length);

namespace pywasm {

std::size_t most_of_host_call = 16 << 20;

namespace {

constexpr std::size_t kShownName = 128;
Buffer answers;

PyObject* raise(const char* name, const std::string& message) {
    Ref args = Ref::steal(Py_BuildValue("(ss#)", name, message.data(), static_cast<Py_ssize_t>(message.size())));
    if (args) Ref::steal(PyObject_Call(support.failure.get(), args.get(), nullptr));
    return nullptr;
}

// The value of an answer, or null with what the host function has failed with pending.
PyObject* value_of(std::string_view text) {
    if (text.size() < 2) return raise("Error", "the host has given no answer");
    Codec* codec = Codec::take();
    Ref value = from_json(*codec, text.substr(1));
    Codec::give(codec);
    if (!value || text[0] == '=') return value.release();
    Ref args = Ref::steal(PySequence_Tuple(value.get()));
    if (args) Ref::steal(PyObject_Call(support.failure.get(), args.get(), nullptr));
    return nullptr;
}

struct Request {
    std::string name;
    std::string payload;
};

// False with an exception pending.
bool read_request(PyObject* args, Request& request) {
    PyObject* value = nullptr;
    const char* name = nullptr;
    Py_ssize_t length = 0;
    if (!PyArg_ParseTuple(args, "s#O", &name, &length, &value)) return false;
    request.name.assign(name, length);
    Codec* codec = Codec::take();
    bool made = to_json(*codec, value, most_of_host_call);
    bool over = !made && codec->writer.over();
    if (made) request.payload.assign(codec->writer.data(), codec->writer.size());
    codec->writer.trim();
    Codec::give(codec);
    if (over)
        raise("RangeError", "the host function " + request.name.substr(0, kShownName) + " takes up to " +
                                std::to_string(most_of_host_call) + " bytes of JSON (limits.hostCallBytes), and got more");
    return made;
}

PyObject* call(PyObject*, PyObject* args) {
    Request request;
    if (!read_request(args, request)) return nullptr;
    std::uint32_t length = host_call(request.name.data(), request.name.size(), request.payload.data(), request.payload.size());
    return value_of(answers.text(length));
}

// The value at once, in a tuple of one, or the number by which it comes.
PyObject* begin(PyObject*, PyObject* args) {
    Request request;
    if (!read_request(args, request)) return nullptr;
    std::uint32_t length = 0;
    std::uint32_t number =
        host_begin(request.name.data(), request.name.size(), request.payload.data(), request.payload.size(), &length);
    if (number != 0) return PyLong_FromUnsignedLong(number);
    PyObject* value = value_of(answers.text(length));
    return value == nullptr ? nullptr : Py_BuildValue("(N)", value);
}

PyObject* write(PyObject*, PyObject* args) {
    int level = 0;
    PyObject* text = nullptr;
    if (!PyArg_ParseTuple(args, "iO!", &level, &PyUnicode_Type, &text)) return nullptr;
    Ref bytes = Ref::steal(PyUnicode_AsEncodedString(text, "utf-8", "replace"));
    if (!bytes) return nullptr;
    host_write(level, PyBytes_AS_STRING(bytes.get()), PyBytes_GET_SIZE(bytes.get()));
    Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"call", call, METH_VARARGS, nullptr},
    {"begin", begin, METH_VARARGS, nullptr},
    {"write", write, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_host", nullptr, -1, methods, nullptr, nullptr, nullptr, nullptr};

}  // namespace

PyObject* make_host_module() { return PyModule_Create(&definition); }

}  // namespace pywasm

EXPORTED("ext_answer_room") char* ext_answer_room(std::size_t size) { return pywasm::answers.room(size); }

// The answer to a call that was begun has come: it is in `ext_answer_room`.
EXPORTED("ext_answered") int ext_answered(std::uint32_t number, std::size_t length) {
    using namespace pywasm;
    Ref value = Ref::steal(value_of(answers.text(length)));
    Ref error = value ? Ref() : Ref::steal(PyErr_GetRaisedException());
    Ref args = Ref::steal(Py_BuildValue("(IOO)", number, value ? value.get() : Py_None, error ? error.get() : Py_None));
    Ref done = args ? Ref::steal(PyObject_Call(support.answered.get(), args.get(), nullptr)) : Ref();
    return done ? kDone : fail();
}
