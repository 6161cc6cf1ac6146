/* The fixture's C guest behind Extism's functions, for the peer @extism/extism. They are those of
   https://extism.org/docs/concepts/pdk: input and output are blocks of the host's memory, read and written by words. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../../fixtures/validate-email/wasm-c/validate.h"

#define HOST(name) __attribute__((import_module("extism:host/env"), import_name(#name))) extern

HOST(input_length) uint64_t input_length(void);
HOST(input_load_u64) uint64_t input_load_u64(uint64_t offset);
HOST(input_load_u8) uint8_t input_load_u8(uint64_t offset);
HOST(alloc) uint64_t block_alloc(uint64_t length);
HOST(store_u64) void store_u64(uint64_t address, uint64_t word);
HOST(store_u8) void store_u8(uint64_t address, uint8_t byte);
HOST(output_set) void output_set(uint64_t address, uint64_t length);

__attribute__((export_name("validate"))) int32_t validate(void) {
  size_t length = (size_t)input_length(), at = 0;
  char *payload = malloc(length + 8);
  if (payload == NULL) return 1;
  for (; at + 8 <= length; at += 8) {
    uint64_t word = input_load_u64(at);
    memcpy(payload + at, &word, 8);
  }
  for (; at < length; at++) payload[at] = (char)input_load_u8(at);
  struct span answer = validate_email((struct span){payload, length});
  free(payload);
  if (answer.start == NULL) return 1;
  uint64_t block = block_alloc(answer.length);
  for (at = 0; at + 8 <= answer.length; at += 8) {
    uint64_t word;
    memcpy(&word, answer.start + at, 8);
    store_u64(block + at, word);
  }
  for (; at < answer.length; at++) store_u8(block + at, (uint8_t)answer.start[at]);
  output_set(block, answer.length);
  free((void *)answer.start);
  return 0;
}
