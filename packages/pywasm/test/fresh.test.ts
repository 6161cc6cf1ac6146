import { expect, test } from "vitest";
import { load } from "./guest.ts";

const SOURCE = `
import random, os, uuid, json, sys, gc, decimal, asyncio
drawn = random.random()
seen = []
file = open(__file__)
def f(v):
    seen.append(v)
    json.extra = getattr(json, "extra", 0) + 1
    sys.modules["made"] = 1
    decimal.getcontext().prec += 1
    marks = [len(seen), json.extra, "made" in sys.modules and len(seen) == 1, decimal.getcontext().prec, file.tell()]
    file.read(10)
    return [marks, random.random(), os.urandom(4).hex(), str(uuid.uuid4()), drawn]
async def g(v):
    asyncio.get_running_loop().call_later(0.001, seen.append, "late")
    asyncio.ensure_future(asyncio.sleep(100))
    await asyncio.sleep(0.005)
    return seen
`;

test("each call begins with the state after the top level, and draws numbers of its own", async () => {
  await using module = await load(SOURCE, {
    exports: ["f", "g"],
    limits: { fresh: "call", maxInstances: 1 },
  });
  const answers: unknown[][] = [];
  for (let i = 0; i < 5; i++) answers.push(await module.call<unknown[]>("f", i));
  const [first] = answers;
  for (const answer of answers) expect([answer[0], answer[4]]).toEqual([first![0], first![4]]);
  for (const drawn of [1, 2, 3]) expect(new Set(answers.map((answer) => answer[drawn])).size).toBe(5);
  for (let i = 0; i < 3; i++) expect(await module.call("g")).toEqual(["late"]);
  expect(module.stats().instancesCreated).toBe(1);
});

test("instances of a module begin alike, run the top level once, and draw numbers of their own", async () => {
  let tops = 0;
  const logger = { info: () => void tops++ };
  await using module = await load(`print("top")\n${SOURCE}`, { logger, limits: { maxInstances: 3 } });
  const answers = await Promise.all([1, 2, 3].map(() => module.call<unknown[]>("f", 0)));
  expect(tops).toBe(1);
  expect(new Set(answers.map((answer) => answer[1])).size).toBe(answers.length);
});
