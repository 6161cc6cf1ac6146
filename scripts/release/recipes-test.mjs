#!/usr/bin/env node
// Runs the recipes for Next.js and Docker in docs/bundling.md with the packages as they are published: builds a fresh Next.js project and asks its
// standalone server; and takes the Dockerfile's steps one by one, each stage in an empty folder, but for those that install packages of the system.
//
//   node scripts/release/recipes-test.mjs [nextjs] [docker]
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { installAndBuild, root, StepFailed, say, script, step } from "../workspace.mjs";

const NEXT = "16.4.6";
const REACT = "19.2.0";
const page = readFileSync(join(root, "docs/bundling.md"), "utf8");
const wanted = process.argv.slice(2);
const work = mkdtempSync(join(tmpdir(), "extruntime-recipes-"));

await script(async () => {
  try {
    await installAndBuild(["--filter=./packages/*"]);
    const tarballs = await packed();
    if (wanted.length === 0 || wanted.includes("nextjs")) await nextjs(tarballs);
    if (wanted.length === 0 || wanted.includes("docker")) await docker(tarballs);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
});

/** Tarballs of the packages that a host in JavaScript wants, by name. */
async function packed() {
  const names = ["extruntime", "@extruntime/quickjs", "@extruntime/wasm"];
  const printed = await step("Staging the packages", "node", ["scripts/release/stage.mjs", ...names]);
  const folders = printed.split("\n").filter((line) => line.startsWith(join(root, "staged")));
  const manifests = folders.map((folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")));
  const entries = folders.map((folder, index) => {
    const manifest = manifests[index];
    // Packages of other platforms are in no registry, and a lockfile would miss them.
    for (const each of Object.keys(manifest.optionalDependencies ?? {}))
      if (!manifests.some(({ name }) => name === each)) delete manifest.optionalDependencies[each];
    writeFileSync(join(folder, "package.json"), JSON.stringify(manifest, null, 2));
    const file = execFileSync("npm", ["pack", "--silent", "--pack-destination", work], {
      cwd: folder,
      encoding: "utf8",
    });
    return [manifest.name, `file:../${basename(file.trim())}`];
  });
  return Object.fromEntries(entries);
}

/** A project with the packages, of a name that is its folder's. */
function project(name, tarballs, { dependencies = {}, devDependencies = {} }) {
  const folder = join(work, name);
  mkdirSync(folder);
  cpSync(join(root, "scripts/release/registry-project/extensions"), join(folder, "extensions"), { recursive: true });
  const manifest = {
    ...{ name, private: true, type: "module" },
    dependencies: { ...tarballs, ...dependencies },
    devDependencies,
  };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest, null, 2));
  return folder;
}

/** The code of that kind below a heading of the page. */
function recipe(heading, language) {
  const found = new RegExp(`^## ${heading}\\n[^]*?\`\`\`${language}\\n([^]*?)\`\`\``, "m").exec(page)?.[1];
  if (found === undefined) throw new StepFailed(`docs/bundling.md has no ${language} below ${heading}`);
  return found;
}

async function nextjs(tarballs) {
  const folder = project("next", tarballs, { dependencies: { next: NEXT, react: REACT, "react-dom": REACT } });
  cpSync(join(root, "scripts/release/nextjs-project"), folder, { recursive: true });
  const config = recipe("Next\\.js", "js").replace("export default {", 'export default {\n  output: "standalone",');
  writeFileSync(join(folder, "next.config.mjs"), config);
  const env = { NEXT_TELEMETRY_DISABLED: "1" };
  await step("Next.js: installing", "npm", ["install", "--no-audit", "--no-fund"], { cwd: folder });
  await step("Next.js: building", "npx", ["next", "build"], { cwd: folder, env });
  // The server's own folder has all that it needs: it must not find the packages above it.
  const standalone = join(work, "standalone");
  // Its links stay as they are: relative, and into it.
  cpSync(join(folder, ".next/standalone"), standalone, { recursive: true, verbatimSymlinks: true });
  rmSync(folder, { recursive: true });
  const port = await freePort();
  say("Next.js: asking the standalone server");
  const server = spawn(process.execPath, ["server.js"], {
    ...{ cwd: standalone, stdio: ["ignore", "ignore", "inherit"] },
    env: { ...process.env, ...env, PORT: String(port), HOSTNAME: "127.0.0.1" },
  });
  try {
    const told = await answerOf(`http://127.0.0.1:${port}/api/answers`, server);
    const right = JSON.stringify({ inline: [true, 6], thread: [true, 6], process: [true, 6] });
    if (told !== right) throw new StepFailed(`Next.js answered ${told}, not ${right}`);
  } finally {
    server.kill("SIGKILL");
  }
}

/** What the server answers once it listens. */
async function answerOf(url, server) {
  while (server.exitCode === null) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer !== undefined) return answer.text();
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new StepFailed(`the server ended with ${server.exitCode}`);
}

async function docker(tarballs) {
  const folder = project("docker", tarballs, { devDependencies: { esbuild: "^0.28.2" } });
  cpSync(join(root, "test/bundling/host.mjs"), join(folder, "host.mjs"));
  await step("Docker: making the lockfile", "npm", ["install", "--package-lock-only", "--no-audit"], { cwd: folder });
  const stages = new Map();
  let stage = "";
  const lines = recipe("Docker", "dockerfile").replaceAll("\\\n", " ").split("\n");
  for (const line of lines) {
    const [instruction, ...words] = line.trim().split(/\s+/);
    if (instruction === "FROM") {
      stage = join(work, `stage-${stages.size}`);
      mkdirSync(stage);
      stages.set(words[2] ?? "last", stage);
    } else if (instruction === "COPY") copy(words, stage, folder, stages);
    else if (instruction === "RUN" && words[0] !== "apt-get")
      await step(`Docker: ${words.join(" ")}`, "sh", ["-c", words.join(" ")], { cwd: stage });
    else if (instruction === "CMD") {
      const [command, ...args] = JSON.parse(words.join(" "));
      const printed = await step(`Docker: ${command} ${args.join(" ")}`, command, args, { cwd: stage });
      if (printed !== "inline true 6\nthread true 6\nprocess true 6\n")
        throw new StepFailed(`Docker: it printed\n${printed}`);
    }
  }
}

function copy(words, stage, folder, stages) {
  const from = words[0].startsWith("--from=") ? stages.get(words.shift().slice("--from=".length)) : folder;
  const target = words.pop().replace(/^\.\/?/, "");
  for (const each of words) {
    const source = each.replace(/^\/app\/?/, "");
    const place =
      words.length > 1 || target === ""
        ? join(stage, target, source === "." ? "" : basename(source))
        : join(stage, target);
    cpSync(join(from, source), place, { recursive: true });
  }
}

async function freePort() {
  const probe = createServer();
  await new Promise((done) => probe.listen(0, "127.0.0.1", done));
  const { port } = probe.address();
  await new Promise((done) => probe.close(done));
  return port;
}
