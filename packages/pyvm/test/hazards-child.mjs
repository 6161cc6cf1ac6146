// Modules with C extensions, made, used and closed from many interpreters at a time: see hazards.test.ts.
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { pyvm } from "@extruntime/pyvm";

const source = `
import asyncio, ctypes, datetime, decimal, hashlib, io, json, re, sqlite3, ssl, struct, zoneinfo
import xml.etree.ElementTree as ET
utc = b"TZif" + bytes(16) + struct.pack(">6l", 0, 0, 0, 0, 1, 4) + struct.pack(">lBB", 3600, 0, 0) + b"ONE\\0"
def f(v):
    zone = zoneinfo.ZoneInfo.from_file(io.BytesIO(utc), key="One")
    day = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc).astimezone(zone)
    c = sqlite3.connect(":memory:")
    c.execute("create table t (a)")
    c.execute("insert into t values (?)", (v,))
    ssl.create_default_context()
    answers = [day.isoformat(), day.tzname(), datetime.datetime.strptime("2020", "%Y").year,
            str(decimal.Decimal("1.1") + 1), c.execute("select a from t").fetchone()[0], ctypes.sizeof(ctypes.c_int),
            ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda n: n + 1)(1),
            hashlib.md5(b"x").hexdigest()[:4], ET.fromstring("<a b='1'/>").get("b")]
    c.close()
    return answers
`;
const expected = JSON.stringify(["2020-01-01T01:00:00+01:00", "ONE", 2020, "2.1", 1, 4, 2, "9dd4", "1"]);

async function stress(rounds, width) {
  const runtime = pyvm();
  const shared = process.env.PYVM_TEST_SHARED === "1" ? { python: { interpreter: "shared" } } : {};
  const manifest = {
    name: "guest",
    runtime: "pyvm",
    module: "g.py",
    exports: ["f"],
    limits: { maxInstances: 1 },
    ...shared,
  };
  let right = 0;
  for (let round = 0; round < rounds; round++) {
    await Promise.all(
      Array.from({ length: width }, async () => {
        const module = await runtime.load({ manifest, files: { "g.py": source } });
        const answers = [await module.invoke("f", "1"), module.invokeSync("f", "1"), await module.invoke("f", "1")];
        right += answers.filter((answer) => answer === expected).length;
        await module.close();
      }),
    );
  }
  await runtime.close();
  return right;
}

async function inWorker() {
  const thread = new Worker(fileURLToPath(import.meta.url));
  const [[right]] = await Promise.all([once(thread, "message"), once(thread, "exit")]);
  return right;
}

if (!isMainThread) {
  parentPort.postMessage(await stress(2, 2));
} else if (process.argv[2] === "main") {
  console.log(`${await stress(4, 8)} right answers`);
} else {
  const counts = await Promise.all([1, 2, 3, 4].map(inWorker));
  console.log(`${counts.reduce((a, b) => a + b)} right answers`);
}
