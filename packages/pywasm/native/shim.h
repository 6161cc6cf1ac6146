// What the parts of the interpreter's side share: one Python in one linear memory, called by the host.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "json/json_reader.h"
#include "json/json_writer.h"

#define EXPORTED(name) extern "C" __attribute__((export_name(name)))
#define IMPORTED(name) extern "C" __attribute__((import_module("extruntime"), import_name(name)))

namespace pywasm {

using pyvm::JsonRules;
using pyvm::JsonWriter;
using pyvm::Ref;

// How a call of an export has ended. The host's abi.ts has the same.
enum Status : int {
    kDone = 0,         // the text is a result
    kWaiting = 1,      // a coroutine waits; `wait` says for how long, in milliseconds, or is negative for no timer
    kFailed = 2,       // the text is a JSON array: what the exception is
    kBadPayload = 3,   // the same, of a payload that is not JSON
    kBadResult = 4,    // the same, of a result that JSON cannot say
    kTooLong = 5,      // the result has `length` bytes or more
    kCoroutine = 6,    // the function is an `async def`, and nobody can wait for it
    kBroken = 7,       // not even the exception can be told
};

// Text for the host, and what belongs to a status. The host reads it by its offsets.
struct Answer {
    const char* text = nullptr;
    std::uint32_t length = 0;
    double wait = 0;
};
static_assert(offsetof(Answer, length) == 4 && offsetof(Answer, wait) == 8);

// Functions of the Python half, by the names that they have there.
struct Support {
    Ref describe;  // an exception -> text
    Ref load;      // the text of a request -> [functions, dumps, extend, key]
    Ref loads;
    Ref dumps;
    Ref begin;      // a coroutine -> None where it has ended, else milliseconds
    Ref go_on;      // the same of the coroutine that waits
    Ref take;       // the result of the coroutine that has ended
    Ref cancel;     // asks the coroutine that waits to end; as go_on
    Ref answered;   // the number of a call of the host, and its value or its exception
    Ref failure;    // raises what a host function has failed with
    Ref renew;      // after a reset
};

extern Support support;
extern Answer answer;

// Room of the guest's for text from the host; null where there is none. There is room for kTextPadding more behind it.
class Buffer {
  public:
    char* room(std::size_t size);
    // The text in it, ended as the reader wants it.
    std::string_view text(std::size_t size);

  private:
    char* bytes_ = nullptr;
    std::size_t size_ = 0;
};

// A reader with what it keeps, and a writer. Finalisers and functions of a program may convert while another conversion is
// under way, so who converts takes one, and gives it back.
struct Codec {
    pyvm::KeyCache keys;
    pyvm::JsonReader reader{keys};
    JsonWriter writer;

    static Codec* take();
    static void give(Codec* codec);
};

// A new reference, or null with an exception pending. `text` is from Buffer::text.
Ref from_json(Codec& codec, std::string_view text);
// False with an exception pending, or without one where the text is longer than `most`.
bool to_json(Codec& codec, PyObject* value, std::size_t most);

// How the values of the program that is loaded are written.
extern JsonRules rules;
// Bytes of an argument of a host function.
extern std::size_t most_of_host_call;

// The pending exception as text in `answer`.
Status fail(Status status = kFailed);

// The module by which the Python half reaches the host.
PyObject* make_host_module();

}  // namespace pywasm
