// The program that is loaded, and its calls.
#include <vector>

#include "shim.h"

namespace pywasm {

JsonRules rules;
std::string_view input_text(std::size_t length);

namespace {

std::vector<Ref> functions;
std::size_t most_of_result = 16 << 20;
Ref optional(PyObject* object) { return object == Py_None ? Ref() : Ref::share(object); }

// The text stays in the codec until that is used again, which is after the host has read it.
Status give(PyObject* result) {
    Codec* codec = Codec::take();
    JsonWriter& writer = codec->writer;
    writer.trim();
    bool written = to_json(*codec, result, most_of_result);
    Codec::give(codec);
    if (written) {
        answer.text = writer.data();
        answer.length = writer.size();
        return kDone;
    }
    if (!writer.over()) return fail(kBadResult);
    answer.length = writer.size() > most_of_result ? writer.size() : most_of_result + 1;
    writer.trim();
    return kTooLong;
}

// What a step of the coroutine has come to.
Status after_step(Ref waits) {
    if (!waits) return fail();
    if (waits.get() != Py_None) {
        answer.wait = PyFloat_AsDouble(waits.get());
        return kWaiting;
    }
    Ref result = Ref::steal(PyObject_CallNoArgs(support.take.get()));
    return result ? give(result.get()) : fail();
}

Status refuse(PyObject* coroutine) {
    Ref closed = Ref::steal(PyObject_CallMethod(coroutine, "close", nullptr));
    PyErr_Clear();
    return kCoroutine;
}

}  // namespace

}  // namespace pywasm

using namespace pywasm;

// Loads a program by the request in `ext_room`, and gives the indices of the functions that it lacks, as JSON. The bounds are
// in bytes.
EXPORTED("ext_load") int ext_load(std::size_t length, std::size_t result_bytes, std::size_t host_call_bytes) {
    most_of_result = result_bytes;
    most_of_host_call = host_call_bytes;
    std::string_view text = input_text(length);
    Ref request = Ref::steal(PyUnicode_DecodeUTF8(text.data(), text.size(), nullptr));
    Ref loaded = Ref::steal(request ? PyObject_CallOneArg(support.load.get(), request.get()) : nullptr);
    if (!loaded) return fail();
    PyObject* each = nullptr;
    PyObject* missing = nullptr;
    PyObject* special[3] = {};
    if (!PyArg_ParseTuple(loaded.get(), "O!O!OOO", &PyList_Type, &each, &PyList_Type, &missing, &special[0], &special[1],
                          &special[2]))
        return fail();
    functions.clear();
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(each); i++) functions.push_back(Ref::share(PyList_GET_ITEM(each, i)));
    rules = JsonRules{optional(special[0]), optional(special[1]), optional(special[2])};
    return give(missing);
}

// Calls a function with the payload in `ext_room`.
EXPORTED("ext_call") int ext_call(std::size_t function, std::size_t length, int may_wait) {
    Codec* codec = Codec::take();
    Ref argument = from_json(*codec, input_text(length));
    Codec::give(codec);
    if (!argument) return fail(kBadPayload);
    Ref result = Ref::steal(PyObject_CallOneArg(functions[function].get(), argument.get()));
    if (!result) return fail();
    if (!PyCoro_CheckExact(result.get())) return give(result.get());
    if (may_wait == 0) return refuse(result.get());
    return after_step(Ref::steal(PyObject_CallOneArg(support.begin.get(), result.get())));
}

// The coroutine goes on: a timer is due, or answers have come.
EXPORTED("ext_go_on") int ext_go_on() { return after_step(Ref::steal(PyObject_CallNoArgs(support.go_on.get()))); }

// Cancels the coroutine that waits, as asyncio does.
EXPORTED("ext_cancel") int ext_cancel() { return after_step(Ref::steal(PyObject_CallNoArgs(support.cancel.get()))); }

// The memory was put back to what it was: random numbers begin anew.
EXPORTED("ext_renew") int ext_renew() {
    Ref done = Ref::steal(PyObject_CallNoArgs(support.renew.get()));
    return done ? kDone : fail();
}
