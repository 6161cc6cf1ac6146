/* The compute-bound guests in C, for the pointer ABI. The payload is `{"n":<number>}`, written by the harness: the digits are all that is read. */

#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((export_name("__base_alloc"))) void *base_alloc(size_t length) { return malloc(length); }

__attribute__((export_name("__base_free"))) void base_free(void *pointer, size_t length) {
  (void)length;
  free(pointer);
}

static unsigned read_n(const char *payload, size_t length) {
  unsigned n = 0;
  for (size_t i = 0; i < length; i++)
    if (payload[i] >= '0' && payload[i] <= '9') n = n * 10 + (unsigned)(payload[i] - '0');
  return n;
}

static uint64_t answer(unsigned number) {
  char *text = malloc(16);
  if (text == NULL) __builtin_trap();
  int length = snprintf(text, 16, "%u", number);
  return (uint64_t)(uintptr_t)text << 32 | (unsigned)length;
}

__attribute__((export_name("integers"))) uint64_t integers(const char *payload, size_t length) {
  unsigned n = read_n(payload, length), sum = 0;
  for (unsigned i = 0; i < n; i++) sum = (sum * 31 + i) % 65521;
  return answer(sum);
}

static int by_value(const void *a, const void *b) {
  unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
  return (x > y) - (x < y);
}

__attribute__((export_name("sort"))) uint64_t sort(const char *payload, size_t length) {
  unsigned n = read_n(payload, length);
  uint64_t seed = 1;
  unsigned *list = malloc(n * sizeof *list);
  if (list == NULL) __builtin_trap();
  for (unsigned i = 0; i < n; i++) {
    seed = (seed * 69069 + 1) % 1000003;
    list[i] = (unsigned)seed;
  }
  qsort(list, n, sizeof *list, by_value);
  unsigned sum = list[0] + list[n >> 1] + list[n - 1];
  free(list);
  return answer(sum);
}

/* Grows as strings of other languages do. */
struct text {
  char *start;
  size_t length, capacity;
};

static void append(struct text *text, const char *piece, size_t length) {
  if (text->length + length + 1 > text->capacity) {
    text->capacity = (text->length + length + 1) * 2;
    text->start = realloc(text->start, text->capacity);
    if (text->start == NULL) __builtin_trap();
  }
  memcpy(text->start + text->length, piece, length + 1);
  text->length += length;
}

__attribute__((export_name("text"))) uint64_t text(const char *payload, size_t length) {
  unsigned n = read_n(payload, length);
  struct text all = {0};
  char piece[16];
  for (unsigned i = 0; i < n; i++) append(&all, piece, (size_t)snprintf(piece, sizeof piece, "%u,", i));
  unsigned total = (unsigned)all.length;
  free(all.start);
  return answer(total);
}

__attribute__((export_name("pattern"))) uint64_t pattern(const char *payload, size_t length) {
  unsigned n = read_n(payload, length), count = 0;
  struct text lines = {0};
  char line[128];
  for (unsigned i = 0; i < n; i++) {
    int size = snprintf(line, sizeof line, "user %u writes from u.%u@host-%u.example to nobody@nowhere\n", i, i, i % 7);
    append(&lines, line, (size_t)size);
  }
  regex_t expression;
  if (regcomp(&expression, "[a-z0-9._]+@[a-z0-9-]+\\.[a-z]+", REG_EXTENDED) != 0) __builtin_trap();
  regmatch_t match;
  for (const char *at = lines.start; regexec(&expression, at, 1, &match, 0) == 0; at += match.rm_eo) count++;
  regfree(&expression);
  free(lines.start);
  return answer(count);
}
