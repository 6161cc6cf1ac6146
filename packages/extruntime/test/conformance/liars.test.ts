import { describe, expect, it } from "vitest";
import { engine, failuresOf } from "./run-tests.ts";

interface Liar {
  readonly lie: string;
  /** The test of the kit that must reject it, and that passes without the lie. */
  readonly found: RegExp;
  readonly because: RegExp;
}

const QUICKJS_GUESTS = new URL("../../../../fixtures/guests/quickjs/", import.meta.url);

async function failures(lie: string, found: RegExp): Promise<string> {
  const setup = {
    engine: engine("sandbox-liars.mjs"),
    export: "sandboxLiar",
    options: { lie },
    guests: QUICKJS_GUESTS,
  };
  return [...(await failuresOf({ ...setup, patienceMs: 10_000 }, found)).values()].join("\n");
}

const SHARED = /two modules share no global/;
const NAMES = /finds no name that its language does not have/;

const SANDBOX: readonly Liar[] = [
  { lie: "one realm for all modules", found: SHARED, because: /shares \d+ objects/ },
  { lie: "one realm for all modules", found: /two runtimes share no global/, because: /shares \d+ objects/ },
  { lie: "one realm for all modules", found: /a module that replaces every built-in/, because: /./ },
  { lie: "one realm for all modules of a runtime", found: SHARED, because: /shares \d+ objects/ },
  {
    lie: "one realm for all instances of a module",
    found: /two instances of one module/,
    because: /shares \d+ objects/,
  },
  { lie: "a store of eight realms", found: SHARED, because: /module \d+ loaded after shares/ },
  { lie: "one Math for all modules", found: SHARED, because: /shares \d+ objects/ },
  { lie: "one JSON for all modules", found: SHARED, because: /shares \d+ objects/ },
  { lie: "one Promise for all modules", found: SHARED, because: /shares \d+ objects/ },
  { lie: "prototypes of another realm", found: SHARED, because: /shares \d+ objects/ },
  { lie: "a global that reads files", found: NAMES, because: /does not have: read/ },
  { lie: "a global that reads files, not enumerable", found: NAMES, because: /does not have: _r/ },
  { lie: "a global that reads files, under a symbol", found: NAMES, because: /does not have: @@internal/ },
  { lie: "a global that reads files, by a getter", found: NAMES, because: /does not have: files/ },
  { lie: "a global that reads files, inherited", found: NAMES, because: /slurp/ },
  { lie: "a member of Math that reads files", found: NAMES, because: /does not have: Math.load/ },
  { lie: "a member of Function.prototype that reads files", found: NAMES, because: /Function.prototype.file/ },
  { lie: "a member of a function that reads files", found: NAMES, because: /parseInt.from/ },
  { lie: "a global with the host's environment", found: NAMES, because: /does not have: env/ },
  {
    lie: "an unescape that reads files",
    found: /calls everything that it finds/,
    because: /got hold of the host's secret/,
  },
];

describe("a sandbox that lies is rejected by the test that should reject it", () => {
  it.each(SANDBOX)("$lie", async ({ lie, found, because }) => {
    expect(await failures(lie, found)).toMatch(because);
  });

  it("and one that does not lie passes these tests", async () => {
    const found = new RegExp([...new Set(SANDBOX.map((each) => each.found.source))].join("|"));
    expect(await failures("none", found)).toBe("");
  });
});
