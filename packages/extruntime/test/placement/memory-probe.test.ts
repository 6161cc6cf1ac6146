import { describe, expect, it } from "vitest";
import { MemoryProbe } from "../../src/placement/process/memory-probe.ts";

describe.runIf(process.platform === "linux")("the data that a process has", () => {
  it("explains a crash where it was near the limit, and no other end", () => {
    const use = new MemoryProbe(process.pid, 1 << 20);
    expect(use.explains("SIGSEGV")).toBe(false);
    use.look();
    expect(use.explains("SIGSEGV")).toBe(true);
    expect(use.explains("SIGABRT")).toBe(true);
    for (const other of ["SIGKILL", "SIGTERM", null] as const) expect(use.explains(other)).toBe(false);
  });

  it("explains nothing far below the limit, and of a process that is gone what was seen last", () => {
    const far = new MemoryProbe(process.pid, 2 ** 45);
    far.look();
    expect(far.explains("SIGSEGV")).toBe(false);
    const gone = new MemoryProbe(2 ** 30, 1);
    gone.look();
    expect(gone.explains("SIGSEGV")).toBe(false);
  });
});
