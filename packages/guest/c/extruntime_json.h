// JSON values for extruntime.h: read from text, made, asked, and written. All belong to the call under way.
#ifndef EXTRUNTIME_JSON_H
#define EXTRUNTIME_JSON_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { EXT_NULL, EXT_BOOL, EXT_NUMBER, EXT_TEXT, EXT_ARRAY, EXT_OBJECT } ext_kind;

typedef struct ext_value {
  ext_kind kind;
  bool boolean;
  double number;
  char *text;          // UTF-8, with a zero after its end
  size_t length;       // bytes of the text, or members
  char *key;           // where it is a member of an object
  size_t key_length;
  struct ext_value *first, *last, *next;
} ext_value;

/// Levels that a value may be nested.
#define EXT_MAX_DEPTH 512

// Memory of the call: blocks in a list, each freed when the call ends.
typedef struct ext_block {
  struct ext_block *before;
  size_t used, size;
} ext_block;

static ext_block *ext_blocks = NULL;

static inline void *ext_room(size_t size) {
  size = (size + 15) & ~(size_t)15;
  if (ext_blocks == NULL || ext_blocks->size - ext_blocks->used < size) {
    size_t bytes = size > 4096 ? size : 4096;
    ext_block *block = malloc(sizeof(ext_block) + 16 + bytes);
    if (block == NULL) __builtin_trap();
    *block = (ext_block){ext_blocks, 0, bytes};
    ext_blocks = block;
  }
  char *room = (char *)(((uintptr_t)(ext_blocks + 1) + 15) & ~(uintptr_t)15) + ext_blocks->used;
  ext_blocks->used += size;
  return room;
}

static inline void ext_free_values(void) {
  while (ext_blocks != NULL) {
    ext_block *block = ext_blocks;
    ext_blocks = block->before;
    free(block);
  }
}

// Making values

static inline ext_value *ext_new(ext_kind kind) {
  ext_value *value = ext_room(sizeof *value);
  memset(value, 0, sizeof *value);
  value->kind = kind;
  return value;
}

static inline ext_value *ext_null(void) { return ext_new(EXT_NULL); }
static inline ext_value *ext_array(void) { return ext_new(EXT_ARRAY); }
static inline ext_value *ext_object(void) { return ext_new(EXT_OBJECT); }

static inline ext_value *ext_bool(bool boolean) {
  ext_value *value = ext_new(EXT_BOOL);
  value->boolean = boolean;
  return value;
}

static inline ext_value *ext_number(double number) {
  ext_value *value = ext_new(EXT_NUMBER);
  value->number = number;
  return value;
}

static inline char *ext_copy(const char *text, size_t length) {
  char *copy = ext_room(length + 1);
  memcpy(copy, text, length);
  copy[length] = 0;
  return copy;
}

static inline ext_value *ext_text_n(const char *text, size_t length) {
  ext_value *value = ext_new(EXT_TEXT);
  value->text = ext_copy(text, length);
  value->length = length;
  return value;
}

static inline ext_value *ext_text(const char *text) { return ext_text_n(text, strlen(text)); }

/// A text as `printf` makes it.
__attribute__((format(printf, 1, 2))) static inline ext_value *ext_format(const char *format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  if (length < 0) __builtin_trap();
  ext_value *value = ext_new(EXT_TEXT);
  value->length = (size_t)length;
  value->text = ext_room(value->length + 1);
  vsnprintf(value->text, value->length + 1, format, again);
  va_end(again);
  return value;
}

/// Puts a new value at the end of an array. Returns the array.
static inline ext_value *ext_push(ext_value *array, ext_value *item) {
  if (array->last == NULL) array->first = item;
  else array->last->next = item;
  array->last = item;
  array->length++;
  return array;
}

static inline ext_value *ext_set_n(ext_value *object, const char *key, size_t length, ext_value *member) {
  for (ext_value **at = &object->first; *at != NULL; at = &(*at)->next) {
    ext_value *old = *at;
    if (old->key_length != length || memcmp(old->key, key, length) != 0) continue;
    // It takes the place of the one before.
    member->key = old->key;
    member->key_length = length;
    member->next = old->next;
    if (object->last == old) object->last = member;
    *at = member;
    return object;
  }
  member->key = ext_copy(key, length);
  member->key_length = length;
  return ext_push(object, member);
}

/// Gives an object a member, a new value. Returns the object.
static inline ext_value *ext_set(ext_value *object, const char *key, ext_value *member) {
  return ext_set_n(object, key, strlen(key), member);
}

// Asking values: NULL stands for what is not there, and each takes it

static inline bool ext_is(const ext_value *value, ext_kind kind) { return value != NULL && value->kind == kind; }

/// A member of an object.
static inline ext_value *ext_get(const ext_value *object, const char *key) {
  size_t length = strlen(key);
  if (!ext_is(object, EXT_OBJECT)) return NULL;
  for (ext_value *each = object->first; each != NULL; each = each->next)
    if (each->key_length == length && memcmp(each->key, key, length) == 0) return each;
  return NULL;
}

/// An element of an array. To go through all: `for (v = array->first; v != NULL; v = v->next)`.
static inline ext_value *ext_at(const ext_value *array, size_t index) {
  if (!ext_is(array, EXT_ARRAY)) return NULL;
  ext_value *each = array->first;
  while (each != NULL && index-- > 0) each = each->next;
  return each;
}

static inline const char *ext_text_of(const ext_value *value, const char *otherwise) {
  return ext_is(value, EXT_TEXT) ? value->text : otherwise;
}

static inline double ext_number_of(const ext_value *value, double otherwise) {
  return ext_is(value, EXT_NUMBER) ? value->number : otherwise;
}

static inline bool ext_bool_of(const ext_value *value, bool otherwise) {
  return ext_is(value, EXT_BOOL) ? value->boolean : otherwise;
}

// Reading text

typedef struct {
  const char *at, *end;
  const char *problem;
  int depth;
} ext_reader;

static inline ext_value *ext_wrong(ext_reader *reader, const char *problem) {
  if (reader->problem == NULL) reader->problem = problem;
  return NULL;
}

static inline void ext_skip_space(ext_reader *reader) {
  while (reader->at < reader->end && strchr(" \t\n\r", *reader->at) != NULL && *reader->at != 0) reader->at++;
}

static inline bool ext_take(ext_reader *reader, const char *word) {
  size_t length = strlen(word);
  if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0) return false;
  reader->at += length;
  return true;
}

static inline long ext_read_hex(ext_reader *reader) {
  if (reader->end - reader->at < 4) return -1;
  long unit = 0;
  for (int i = 0; i < 4; i++) {
    char c = *reader->at++;
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

static inline char *ext_put_utf8(char *to, long point) {
  if (point < 0x80) *to++ = (char)point;
  else if (point < 0x800) {
    *to++ = (char)(0xc0 | point >> 6);
    *to++ = (char)(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    *to++ = (char)(0xe0 | point >> 12);
    *to++ = (char)(0x80 | (point >> 6 & 0x3f));
    *to++ = (char)(0x80 | (point & 0x3f));
  } else {
    *to++ = (char)(0xf0 | point >> 18);
    *to++ = (char)(0x80 | (point >> 12 & 0x3f));
    *to++ = (char)(0x80 | (point >> 6 & 0x3f));
    *to++ = (char)(0x80 | (point & 0x3f));
  }
  return to;
}

static inline char *ext_read_escape(ext_reader *reader, char *to) {
  static const char names[] = "\"\\/bfnrt", units[] = "\"\\/\b\f\n\r\t";
  if (reader->at == reader->end) return NULL;
  char c = *reader->at++;
  const char *found = c == 0 ? NULL : strchr(names, c);
  if (found != NULL) {
    *to = units[found - names];
    return to + 1;
  }
  long unit = c == 'u' ? ext_read_hex(reader) : -1;
  if (unit < 0) return NULL;
  if (unit >= 0xd800 && unit < 0xdc00 && ext_take(reader, "\\u")) {
    long low = ext_read_hex(reader);
    if (low >= 0xdc00 && low < 0xe000) return ext_put_utf8(to, 0x10000 + (unit - 0xd800) * 0x400 + (low - 0xdc00));
    if (low < 0) return NULL;
    reader->at -= 6;
  }
  // Half a pair has no UTF-8.
  return ext_put_utf8(to, unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit);
}

static inline ext_value *ext_read_text(ext_reader *reader) {
  const char *end = ++reader->at;
  while (end < reader->end && *end != '"') end += *end == '\\' ? 2 : 1;
  if (end >= reader->end) return ext_wrong(reader, "a text has no end");
  // No escape is shorter than what it stands for.
  char *text = ext_room((size_t)(end - reader->at) + 1), *to = text;
  while (*reader->at != '"') {
    if ((unsigned char)*reader->at < 0x20) return ext_wrong(reader, "a text has a control character");
    if (*reader->at != '\\') {
      *to++ = *reader->at++;
      continue;
    }
    reader->at++;
    to = ext_read_escape(reader, to);
    if (to == NULL) return ext_wrong(reader, "a text has an escape that is none of JSON");
  }
  reader->at++;
  *to = 0;
  ext_value *value = ext_new(EXT_TEXT);
  value->text = text;
  value->length = (size_t)(to - text);
  return value;
}

static inline bool ext_digits(ext_reader *reader) {
  const char *from = reader->at;
  while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9') reader->at++;
  return reader->at > from;
}

static inline ext_value *ext_read_number(ext_reader *reader) {
  const char *from = reader->at;
  ext_take(reader, "-");
  bool good = ext_take(reader, "0") || ext_digits(reader);
  if (good && ext_take(reader, ".")) good = ext_digits(reader);
  if (good && (ext_take(reader, "e") || ext_take(reader, "E"))) {
    if (!ext_take(reader, "+")) ext_take(reader, "-");
    good = ext_digits(reader);
  }
  if (!good) return ext_wrong(reader, "a value is missing");
  return ext_number(strtod(ext_copy(from, (size_t)(reader->at - from)), NULL));
}

static inline ext_value *ext_read_value(ext_reader *reader);

static inline ext_value *ext_read_members(ext_reader *reader, ext_value *container, char close) {
  reader->at++;
  ext_skip_space(reader);
  for (bool first = true; reader->at < reader->end; first = false) {
    if (first && *reader->at == close) {
      reader->at++;
      return container;
    }
    ext_value *key = NULL;
    if (container->kind == EXT_OBJECT) {
      if (*reader->at != '"') return ext_wrong(reader, "a key is missing");
      key = ext_read_text(reader);
      if (key == NULL) return NULL;
      ext_skip_space(reader);
      if (!ext_take(reader, ":")) return ext_wrong(reader, "a colon is missing");
    }
    ext_value *item = ext_read_value(reader);
    if (item == NULL) return NULL;
    if (key == NULL) ext_push(container, item);
    else ext_set_n(container, key->text, key->length, item);
    ext_skip_space(reader);
    if (reader->at < reader->end && *reader->at == close) {
      reader->at++;
      return container;
    }
    if (!ext_take(reader, ",")) break;
    ext_skip_space(reader);
  }
  return ext_wrong(reader, "a comma or a bracket is missing");
}

static inline ext_value *ext_read_value(ext_reader *reader) {
  ext_skip_space(reader);
  if (reader->at == reader->end) return ext_wrong(reader, "a value is missing");
  if (*reader->at == '"') return ext_read_text(reader);
  if (ext_take(reader, "null")) return ext_null();
  if (ext_take(reader, "true")) return ext_bool(true);
  if (ext_take(reader, "false")) return ext_bool(false);
  bool object = *reader->at == '{';
  if (!object && *reader->at != '[') return ext_read_number(reader);
  if (++reader->depth > EXT_MAX_DEPTH) return ext_wrong(reader, "it is nested too deep");
  ext_value *value = ext_read_members(reader, ext_new(object ? EXT_OBJECT : EXT_ARRAY), object ? '}' : ']');
  reader->depth--;
  return value;
}

/// The value of a JSON text; NULL where it is none, with what is wrong in `problem`.
static inline ext_value *ext_parse(const char *text, size_t length, const char **problem) {
  ext_reader reader = {text, text + length, NULL, 0};
  ext_value *value = ext_read_value(&reader);
  ext_skip_space(&reader);
  if (value != NULL && reader.at != reader.end) value = ext_wrong(&reader, "there is more after the value");
  *problem = reader.problem;
  return value;
}

// Writing text

typedef struct {
  char *text;
  size_t length, size;
} ext_writer;

static inline void ext_put(ext_writer *writer, const char *text, size_t length) {
  if (writer->size - writer->length < length) {
    writer->size = (writer->size + length) * 2;
    writer->text = realloc(writer->text, writer->size);
    if (writer->text == NULL) __builtin_trap();
  }
  memcpy(writer->text + writer->length, text, length);
  writer->length += length;
}

static inline void ext_put_text(ext_writer *writer, const char *text, size_t length) {
  ext_put(writer, "\"", 1);
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c == '"' || c == '\\') ext_put(writer, (char[]){'\\', (char)c}, 2);
    else if (c < 0x20) {
      char escape[7];
      ext_put(writer, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", c));
    } else ext_put(writer, text + i, 1);
  }
  ext_put(writer, "\"", 1);
}

static inline void ext_put_number(ext_writer *writer, double number) {
  char digits[32];
  // JSON has neither infinity nor what is no number.
  if (!isfinite(number)) ext_put(writer, "null", 4);
  else {
    int length = 0;
    // The shortest that reads as the same number.
    for (int precision = 15; precision <= 17; precision++) {
      length = snprintf(digits, sizeof digits, "%.*g", precision, number);
      if (strtod(digits, NULL) == number) break;
    }
    ext_put(writer, digits, (size_t)length);
  }
}

static inline void ext_put_value(ext_writer *writer, const ext_value *value) {
  bool object = value->kind == EXT_OBJECT;
  switch (value->kind) {
    case EXT_NULL: ext_put(writer, "null", 4); return;
    case EXT_BOOL: ext_put(writer, value->boolean ? "true" : "false", value->boolean ? 4 : 5); return;
    case EXT_NUMBER: ext_put_number(writer, value->number); return;
    case EXT_TEXT: ext_put_text(writer, value->text, value->length); return;
    case EXT_ARRAY:
    case EXT_OBJECT: break;
  }
  ext_put(writer, object ? "{" : "[", 1);
  for (const ext_value *each = value->first; each != NULL; each = each->next) {
    if (each != value->first) ext_put(writer, ",", 1);
    if (object) {
      ext_put_text(writer, each->key, each->key_length);
      ext_put(writer, ":", 1);
    }
    ext_put_value(writer, each);
  }
  ext_put(writer, object ? "}" : "]", 1);
}

/// JSON text of a value, from `malloc`.
static inline char *ext_write(const ext_value *value, size_t *length) {
  ext_writer writer = {malloc(256), 0, 256};
  if (writer.text == NULL) __builtin_trap();
  ext_put_value(&writer, value);
  *length = writer.length;
  return writer.text;
}

#endif
