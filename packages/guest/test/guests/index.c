#include "extruntime.h"

static int calls = 0;

EXT_EXPORT(greet) {
  const char *name = ext_text_of(ext_get(input, "name"), NULL);
  if (name == NULL || *name == 0) ext_fail("TypeError", "name must be a text");
  printf("greets %s\n", name);
  return ext_set(ext_object(), "text", ext_format("Hello, %s!", name));
}

EXT_EXPORT(echo) { return input; }

EXT_EXPORT(count) {
  (void)input;
  return ext_number(++calls);
}

EXT_EXPORT(price) { return ext_call("price", input, NULL); }

EXT_EXPORT(caught) {
  ext_error error;
  ext_value *value = ext_call("price", input, &error);
  return value == NULL ? ext_format("%s: %s", error.name, error.message) : value;
}

EXT_EXPORT(crash) { ext_fail("Error", "out of range: %g", ext_number_of(input, 0)); }
