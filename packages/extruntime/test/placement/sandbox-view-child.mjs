// A host with a sandboxed guest that looks around: run by sandbox-view.test.ts in a process of its own.
//
//   node sandbox-view-child.mjs <what the guest does> <its argument as JSON> <options of processes as JSON>
import { native } from "../../dist/index.js";

const code = `
import { spawn, spawnSync } from "node:child_process";
import { accessSync, closeSync, constants, lstatSync, openSync, readdirSync, readFileSync, readlinkSync, writeSync } from "node:fs";
const attempt = (act) => { try { return act(); } catch (error) { return error.code; } };
const join = (folder, name) => (folder === "/" ? "" : folder) + "/" + name;

/** All that there is, but for what lies in the known folders; and all that can be written to. */
export const walk = (known) => {
  const [seen, writable] = [[], []];
  const visit = (path) => {
    const stat = lstatSync(path);
    if (!stat.isSymbolicLink() && attempt(() => accessSync(path, constants.W_OK)) === undefined && !path.startsWith("/tmp/")) writable.push(path);
    if (known.includes(path) || !stat.isDirectory()) seen.push(path);
    else for (const name of readdirSync(path)) visit(join(path, name));
  };
  visit("/");
  return { seen, writable };
};

/** Files of /proc that can be opened for writing. */
export const proc = () => {
  const found = [];
  const visit = (folder, depth) => {
    const entries = attempt(() => readdirSync(folder, { withFileTypes: true }));
    if (!Array.isArray(entries)) return;
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && depth < 7) visit(path, depth + 1);
      else if (entry.isFile()) {
        const fd = attempt(() => openSync(path, "a"));
        if (typeof fd === "number") { closeSync(fd); found.push(path); }
      }
    }
  };
  visit("/proc", 0);
  return found;
};

/** What it has open itself, and what others have that it sees. */
export const descriptors = (others) => {
  const pids = others ? readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name) && Number(name) !== process.pid) : [];
  return [process.pid, ...pids].map((pid) => {
    const fds = readdirSync("/proc/" + pid + "/fd").map(Number).sort((a, b) => a - b);
    return fds.map((fd) => [fd, attempt(() => readlinkSync("/proc/" + pid + "/fd/" + fd))]).filter(([, to]) => to !== "ENOENT");
  });
};

/** Mebibytes that fit there. */
export const fill = (paths) => paths.map((path) => {
  const fd = attempt(() => openSync(path, "w"));
  if (typeof fd === "string") return fd;
  const block = Buffer.alloc(1 << 20, 1);
  let written = 0;
  for (;;) {
    const some = attempt(() => writeSync(fd, block));
    if (typeof some === "string" || written >= 1 << 30) { closeSync(fd); return some + " after " + Math.round(written / (1 << 20)); }
    written += some;
  }
});

export const hoard = async ([files, mebibytes]) => {
  const filled = fill(files);
  const kept = [];
  for (let i = 0; i < mebibytes; i++) kept.push(Buffer.alloc(1 << 20, 1));
  await new Promise((resolve) => setTimeout(resolve, 300));
  return [filled, kept.length];
};

export const streams = (text) => {
  const read = attempt(() => readFileSync("/proc/self/fd/1", "utf8"));
  const wrote = attempt(() => closeSync(openSync("/proc/self/fd/1", "w")));
  console.log(text);
  return [read, wrote];
};

export const namespaces = () => ["-U", "-Um", "-Un"].map((option) => spawnSync("unshare", [option, "true"]).status !== 0);

export const tasks = async (count) => {
  let refused = 0;
  for (let i = 0; i < count; i++) spawn("sleep", ["1000"], { stdio: "ignore" }).on("error", () => refused++);
  await new Promise((resolve) => setTimeout(resolve, 500));
  return refused;
};
export const read = (path) => attempt(() => readFileSync(path, "latin1"));
`;
const [, , what, argument, options, engine] = process.argv;
const exports = [...code.matchAll(/export const (\w+)/g)].map(([, name]) => name);
const processes = { max: 1, spare: 0, ...JSON.parse(options) };
const runtime =
  engine === undefined
    ? native({ placement: "process", processes })
    : (await import(engine)).loose({ placement: "process", processes });
const module = await runtime.load({
  manifest: { name: "guest", runtime: runtime.name, module: "guest.mjs", exports },
  files: { "guest.mjs": code },
});
const told = await module.call(what, JSON.parse(argument)).catch(({ code, message }) => ({ code, message }));
process.stderr.write(`${JSON.stringify(told)}\n`);
await runtime.close();
