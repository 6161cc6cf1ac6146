import { answer, call, fail, In, Json, Out, Size, tryCall } from "../../assembly";

export * from "../../assembly/exports";

let calls = 0;

export function greet(input: In, size: Size): Out {
  return answer(input, size, (person) => {
    const name = person.get("name");
    if (!name.isText || name.text == "") fail("TypeError", "name must be a text");
    console.log("greets " + name.text);
    return Json.object().set("text", Json.of("Hello, " + name.text + "!"));
  });
}

export function echo(input: In, size: Size): Out {
  return answer(input, size, (value) => value);
}

export function count(input: In, size: Size): Out {
  return answer(input, size, (_value) => Json.number(++calls));
}

export function price(input: In, size: Size): Out {
  return answer(input, size, (item) => call("price", item));
}

export function caught(input: In, size: Size): Out {
  return answer(input, size, (item) => {
    const got = tryCall("price", item);
    return got.ok ? got.value : Json.of(got.name + ": " + got.message);
  });
}

export function crash(input: In, size: Size): Out {
  return answer(input, size, (value) => {
    throw new Error("out of range: " + value.toString());
  });
}
