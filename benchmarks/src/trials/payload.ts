import { openSubject } from "../subjects/open.ts";
import { timeBeside } from "./timed.ts";
import { isPrimary, type Readings, type Trial, type TrialContext } from "./trial.ts";

/** What a floor by hand does with its text is seen beside one payload already; these carry it elsewhere. */
const FLOORS = ["bare-js", "thread-batched", "node-pipe", "python-pipe"];

/** The same call with more to carry. */
export const payload: Trial = {
  info: {
    id: "payload",
    title: "Payloads from 40 bytes to 10 MB",
    what: "The shared fixture, which looks at two members, with a list of records beside them: the whole text is carried over and parsed.",
    size: "bytes",
    metrics: [
      { id: "call", title: "call", unit: "ns", better: "lower" },
      { id: "callX:bare-js", title: "call ÷ bare JavaScript", unit: "×", better: "lower" },
    ],
  },
  sizes: ["40", "1000", "10000", "100000", "1000000", "10000000"],
  quickSizes: ["10000"],
  maxRounds: 3,
  includes: (spec) => isPrimary(spec) && (spec.kind !== "floor" || FLOORS.includes(spec.id)),
  run,
};

async function run(context: TrialContext): Promise<Readings> {
  const opened = await openSubject(context.spec, { guest: "validate" });
  const readings = await timeBeside(
    opened,
    "validate",
    payloadOf(Number(context.size)),
    { guest: "validate" },
    context,
  );
  await opened.close();
  return readings;
}

/** Exactly so many bytes of UTF-8, records as services have them; a little of it is not ASCII. */
export function payloadOf(bytes: number): string {
  const head = '{"email":"ada@example.com","age":36';
  if (bytes < 100) return `${head}}`.padEnd(bytes);
  const records: string[] = [];
  let length = head.length + 13;
  for (let id = 0; ; id++) {
    const record = `{"id":${id},"name":"Zoë ${id % 97}","tags":["new","eu-${id % 13}"],"price":${(id * 7) % 1000}.25,"active":${id % 3 === 0}}`;
    const size = Buffer.byteLength(record) + 1;
    if (length + size > bytes) break;
    records.push(record);
    length += size;
  }
  const text = `${head},"items":[${records.join(",")}]}`;
  return text + " ".repeat(bytes - Buffer.byteLength(text));
}
