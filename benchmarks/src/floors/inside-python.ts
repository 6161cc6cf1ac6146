import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fixture } from "extruntime-fixtures";
import { FLOORS } from "../paths.ts";
import { type EngineSource, makeRuntime } from "../subjects/engines.ts";
import type { SubjectSpec } from "../subjects/subject.ts";
import type { SelfTimed } from "./python-loop.ts";

/** The loop of `python-loop.ts`, in the very CPython that the engine loaded, in an interpreter of the same kind. */
export async function insidePython(spec: SubjectSpec): Promise<SelfTimed> {
  const source = spec.source as EngineSource;
  const validate = await readFile(join(fixture("validate-email/pyvm"), "validate.py"), "utf8");
  const loop = await readFile(join(FLOORS, "inside_loop.py"), "utf8");
  const runtime = await makeRuntime("pyvm", { ...source, placement: "inline" });
  const module = await runtime.load({
    manifest: { name: "loop", runtime: "pyvm", module: "loop.py", exports: ["loop"], ...source.manifest },
    files: { "loop.py": `${validate}\n\n${loop}` },
  });
  return {
    time: (count, payload) => Number(module.invokeSync("loop", JSON.stringify([count, payload]))),
    close: () => runtime.close(),
  };
}
