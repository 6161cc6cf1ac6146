// Extensions of extruntime in C. Include it in one source file of a module, which clang builds for wasm32-wasi as a reactor:
//
//   EXT_EXPORT(greet) {
//     const char *name = ext_text_of(ext_get(input, "name"), NULL);
//     if (name == NULL) ext_fail("TypeError", "name must be a text");
//     return ext_set(ext_object(), "text", ext_format("Hello, %s!", name));
//   }
//
// Values, and the texts that are read from them, live until the call ends; nothing of them is freed by hand.
#ifndef EXTRUNTIME_H
#define EXTRUNTIME_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extruntime_json.h"

/// Exports a function for the `exports` of the manifest: its body gets the value as `input` and returns one.
#define EXT_EXPORT(name)                                                                               \
  static ext_value *name##_function(ext_value *input);                                                 \
  __attribute__((export_name(#name))) uint64_t name##_export(const char *payload, size_t length) {     \
    return ext_answer(payload, length, name##_function);                                               \
  }                                                                                                    \
  static ext_value *name##_function(ext_value *input)

/// What a host function has failed with.
typedef struct {
  const char *name;
  const char *message;
} ext_error;

__attribute__((import_module("extruntime"), import_name("host_call"))) uint64_t ext_import_host_call(
    const char *name, size_t name_length, const char *payload, size_t payload_length);
__attribute__((import_module("extruntime"), import_name("fail"))) void ext_import_fail(
    const char *name, size_t name_length, const char *message, size_t message_length);

__attribute__((export_name("__base_alloc"))) void *ext_base_alloc(size_t length) {
  return malloc(length == 0 ? 1 : length);
}

__attribute__((export_name("__base_free"))) void ext_base_free(void *pointer, size_t length) {
  (void)length;
  free(pointer);
}

/// Ends the call: the host gets an error of that name, and a message as `printf` makes it.
__attribute__((noreturn, format(printf, 2, 3))) static inline void ext_fail(const char *name, const char *format, ...) {
  char message[4096];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  if (length < 0) length = 0;
  if ((size_t)length >= sizeof message) length = sizeof message - 1;
  fflush(stdout);
  // The host reads both before this instance goes, with all that the call has made.
  ext_import_fail(name, strlen(name), message, (size_t)length);
  __builtin_trap();
}

/// Reads JSON text that something of the host's has sent; fails the call where it is none.
static inline ext_value *ext_read(const char *text, size_t length, const char *what) {
  const char *problem = NULL;
  ext_value *value = ext_parse(text, length, &problem);
  if (value == NULL) ext_fail("InputError", "%s is not JSON: %s", what, problem);
  return value;
}

/// Calls a function of the host and waits for its answer. Where it fails, `error` is filled and the answer is NULL; with no
/// place for an error, the call of this extension fails with it.
static inline ext_value *ext_call(const char *name, ext_value *value, ext_error *error) {
  size_t length;
  char *payload = ext_write(value, &length);
  uint64_t packed = ext_import_host_call(name, strlen(name), payload, length);
  free(payload);
  char *answer = (char *)(uintptr_t)(packed >> 32);
  size_t size = (uint32_t)packed;
  bool failed = size == 0 || answer[0] != '=';
  ext_value *result = size < 2 ? ext_null() : ext_read(answer + 1, size - 1, "the host's answer");
  free(answer);
  if (!failed) return result;
  ext_error found = {ext_text_of(ext_at(result, 0), "Error"), ext_text_of(ext_at(result, 1), "")};
  if (error == NULL) ext_fail(found.name, "%s", found.message);
  *error = found;
  return NULL;
}

/// What an exported function does around its body.
static inline uint64_t ext_answer(const char *payload, size_t length, ext_value *(*function)(ext_value *)) {
  ext_value *result = function(length == 0 ? ext_null() : ext_read(payload, length, "the payload"));
  char *json = ext_write(result == NULL ? ext_null() : result, &length);
  ext_free_values();
  // What was printed reaches the logger with this call.
  fflush(stdout);
  return (uint64_t)(uintptr_t)json << 32 | length;
}

#endif
