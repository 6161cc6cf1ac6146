import { answer, fail, In, Json, Out, Size } from "@extruntime/guest/assembly";

export * from "@extruntime/guest/assembly/exports";

/** Takes one JSON value, and returns one. */
export function greet(input: In, size: Size): Out {
  return answer(input, size, (person) => {
    const name = person.get("name");
    if (!name.isText || name.text == "") fail("TypeError", "name must be a text");
    return Json.object().set("text", Json.of("Hello, " + name.text + "!"));
  });
}
