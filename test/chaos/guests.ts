/** What a call asks of a guest. Each answers with its own id, so that an answer can be no other call's. */
export interface Task {
  readonly id: number;
  readonly op: Op;
  /** Characters of a big answer; turns of a short loop. */
  readonly size: number;
}

export type Op = "echo" | "throw" | "wait" | "host" | "spin" | "hog" | "big" | "log" | "exit";

const JAVASCRIPT = `
const kept = [];
const act = async (task, ask) => {
  for (let i = 0; i < 3; i++) await null;
  return task.op === "host" ? { id: task.id, told: await ask("tell", task.id) } : { id: task.id };
};
const run = (task, ask) => {
  const { id, op, size } = task;
  if (op === "throw") throw new TypeError("failure of " + id);
  if (op === "wait" || op === "host") return act(task, ask);
  if (op === "spin") for (;;);
  if (op === "hog") for (;;) kept.push(new Array(10000).fill(id));
  if (op === "log") for (let i = 0; i < 20; i++) console.log("line " + i + " of " + id);
  if (op === "exit") process.exit(3);
  return op === "big" ? { id, text: "x".repeat(size) } : { id };
};`;

const PYTHON = `
import sys
kept = []

def run(task):
    op = task["op"]
    if op == "throw":
        raise TypeError("failure of " + str(task["id"]))
    if op == "host":
        import extruntime
        return {"id": task["id"], "told": extruntime.call("tell", task["id"])}
    while op == "spin":
        pass
    while op == "hog":
        kept.append(bytearray(1000000))
    if op == "log":
        for i in range(20):
            print("line", i, "of", task["id"])
    if op == "exit":
        import os
        os._exit(3)
    if op == "big":
        return {"id": task["id"], "text": "x" * task["size"]}
    return {"id": task["id"]}
`;

const ASSEMBLYSCRIPT = `
@external("extruntime", "host_call")
declare function host_call(name: usize, nameLength: usize, payload: usize, length: usize): u64;
export function __base_alloc(length: i32): usize { return heap.alloc(length); }
export function __base_free(pointer: usize, length: i32): void { heap.free(pointer); }

const kept: usize[] = [];

function answer(text: string): u64 {
  const bytes = String.UTF8.encode(text);
  const pointer = heap.alloc(bytes.byteLength);
  memory.copy(pointer, changetype<usize>(bytes), bytes.byteLength);
  return ((pointer as u64) << 32) | (bytes.byteLength as u64);
}

function field(text: string, name: string): string {
  const start = text.indexOf('"' + name + '":') + name.length + 3;
  let end = start;
  while (text.charAt(end) != "," && text.charAt(end) != "}") end++;
  return text.substring(start, end);
}

function tell(id: string): string {
  const name = String.UTF8.encode("tell");
  const payload = String.UTF8.encode(id);
  const packed = host_call(changetype<usize>(name), name.byteLength, changetype<usize>(payload), payload.byteLength);
  const pointer = <usize>(packed >> 32);
  const told = String.UTF8.decodeUnsafe(pointer, <u32>packed);
  heap.free(pointer);
  return told.startsWith("=") ? told.substring(1) : "null";
}

export function run(pointer: usize, length: i32): u64 {
  const text = String.UTF8.decodeUnsafe(pointer, length);
  const id = field(text, "id");
  const op = field(text, "op");
  if (op == '"throw"') throw new Error("failure of " + id);
  if (op == '"host"') return answer('{"id":' + id + ',"told":' + tell(id) + "}");
  while (op == '"spin"') kept[0] = kept[0] + 1;
  while (op == '"hog"') kept.push(heap.alloc(100000));
  if (op == '"log"') for (let i = 0; i < 20; i++) console.log("line " + i.toString() + " of " + id);
  if (op == '"big"') return answer('{"id":' + id + ',"text":"' + "x".repeat(i32(parseInt(field(text, "size")))) + '"}');
  return answer('{"id":' + id + "}");
}
kept.push(0);
`;

/** The same guest for each engine, by the path of its module. */
export async function guestFiles(
  engine: string,
): Promise<{ module: string; files: Record<string, string | Uint8Array> }> {
  switch (engine) {
    case "native":
      return one(
        "guest.mjs",
        `${JAVASCRIPT}\nexport { exported as run };\nconst exported = (task, { host }) => run(task, host?.call.bind(host));`,
      );
    case "pyvm":
      return one("guest.py", PYTHON);
    case "wasm":
      return one("guest.wasm", await assemblyScript());
    default:
      return one(
        "guest.mjs",
        `${JAVASCRIPT}\nexport { exported as run };\nconst exported = (task) => run(task, globalThis.host?.call);`,
      );
  }
}

function one(module: string, content: string | Uint8Array) {
  return { module, files: { [module]: content } };
}

let compiled: Promise<Uint8Array> | undefined;

/** The compiler is the wasm package's, for its own tests. */
function assemblyScript(): Promise<Uint8Array> {
  compiled ??= (async () => {
    const compiler = new URL("../../packages/wasm/node_modules/assemblyscript/dist/asc.js", import.meta.url);
    const { default: asc } = await import(compiler.href);
    const { binary, stderr } = await asc.compileString(ASSEMBLYSCRIPT, { optimizeLevel: 2, runtime: "incremental" });
    if (binary === null) throw new Error(String(stderr));
    return binary as Uint8Array;
  })();
  return compiled;
}
