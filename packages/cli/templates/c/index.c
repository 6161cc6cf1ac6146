#include "extruntime.h"

// Takes one JSON value, and returns one.
EXT_EXPORT(greet) {
  const char *name = ext_text_of(ext_get(input, "name"), "");
  if (*name == 0) ext_fail("TypeError", "name must be a text");
  return ext_set(ext_object(), "text", ext_format("Hello, %s!", name));
}
