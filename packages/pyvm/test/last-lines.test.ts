import { pyvm } from "@extruntime/pyvm";
import { expect, it } from "vitest";

const COUNT = 300;
const GUEST = `
import ctypes, os, signal, sys
def say():
    for i in range(${COUNT}):
        print("line", i)
def leave(_):
    say()
    os._exit(3)
def kill(_):
    say()
    os.kill(os.getpid(), signal.SIGKILL)
def crash(_):
    say()
    ctypes.string_at(0)
def short(i):
    if i == 9:
        leave(i)
    print("short", i)
    return i
`;

it.each(["leave", "kill", "crash"])("what a guest prints before its process ends arrives: %s", async (fn) => {
  const lines: string[] = [];
  const take = (line: string) => void lines.push(line);
  await using runtime = pyvm({ placement: "process", processes: { max: 1, spare: 0 } });
  const manifest = { name: "last", runtime: "pyvm", module: "last.py", exports: ["leave", "kill", "crash", "short"] };
  const python = { interpreter: "shared" } as const;
  const logger = { debug: take, info: take, warn: take, error: take };
  const module = await runtime.load({ manifest: { ...manifest, python }, files: { "last.py": GUEST } }, { logger });
  // On a thread of its own, and then on the process's own thread, where short calls run.
  await expect(module.call(fn)).rejects.toMatchObject({ code: "ERR_EXT_CRASHED" });
  expect(lines).toEqual(Array.from({ length: COUNT }, (_, i) => `line ${i}`));
  lines.length = 0;
  for (let i = 0; i < 9; i++) expect(await module.call("short", i)).toBe(i);
  await expect(module.call("short", 9)).rejects.toMatchObject({ code: "ERR_EXT_CRASHED" });
  const short = Array.from({ length: 9 }, (_, i) => `short ${i}`);
  expect(lines).toEqual([...short, ...Array.from({ length: COUNT }, (_, i) => `line ${i}`)]);
});
