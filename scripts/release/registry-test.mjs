#!/usr/bin/env node
// Publishes the staged packages to a registry that runs here alone (verdaccio), and installs them from it in empty projects, with npm, pnpm, and Yarn
// with Plug'n'Play, on each Node that is supported: the extension of the README's first page must be loaded and called there, in threads and processes too.
//
//   node scripts/release/registry-test.mjs [--node 20 --node 22 …] [--client npm --client pnpm --client yarn]
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { platformName } from "../../packages/extruntime/dist/engine.js";
import { installAndBuild, root, StepFailed, say, script, step } from "../workspace.mjs";
import { publicPackages } from "./packages.mjs";

const VERDACCIO = "verdaccio@6.1.6"; // the last line that runs on Node 20
const PNPM = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).devEngines.packageManager.version;
const YARN = "@yarnpkg/cli-dist@4.18.1";
const { values } = parseArgs({
  options: { node: { type: "string", multiple: true }, client: { type: "string", multiple: true } },
});
const nodes = values.node ?? ["20", "22", "24"];
const clients = values.client ?? ["npm", "pnpm", "yarn"];

const work = mkdtempSync(join(tmpdir(), "extruntime-registry-"));
let server;
await script(async () => {
  try {
    await installAndBuild(["--filter=./packages/*"]);
    const folders = await step("Staging the packages", "node", ["scripts/release/stage.mjs"]);
    const registry = await startRegistry();
    await publish(registry);
    for (const client of clients)
      for (const node of nodes) await tryClient(client, node, registry, folders.includes("pyvm-linux"));
    say("Every client installed and ran the packages.");
  } finally {
    server?.kill("SIGKILL");
    rmSync(work, { recursive: true, force: true });
  }
});

/** A registry with these packages and, through the configured one, all others. */
async function startRegistry() {
  const port = await freePort();
  const uplink = execFileSync("npm", ["config", "get", "registry"], { encoding: "utf8" }).trim();
  const everybody = { access: "$all", publish: "$all", unpublish: "$all" };
  const config = {
    storage: join(work, "storage"),
    auth: { htpasswd: { file: join(work, "htpasswd"), max_users: 10 } },
    uplinks: { others: { url: uplink } },
    packages: { "@extruntime/*": everybody, extruntime: everybody, "**": { access: "$all", proxy: "others" } },
    log: { type: "stdout", format: "pretty", level: "error" },
    max_body_size: "200mb",
  };
  writeFileSync(join(work, "config.yaml"), JSON.stringify(config)); // JSON is YAML
  say(`Starting a registry (${VERDACCIO})`);
  const tool = join(work, "verdaccio");
  mkdirSync(tool);
  // One of its dependencies names a tag, `cjs`, which mirrors of the registry do not have: it is this version.
  writeFileSync(join(tool, "package.json"), '{ "private": true, "overrides": { "node-fetch": "2.6.7" } }');
  install(tool, VERDACCIO);
  server = spawn(
    process.execPath,
    [
      join(tool, "node_modules/verdaccio/bin/verdaccio"),
      "--config",
      join(work, "config.yaml"),
      "--listen",
      `127.0.0.1:${port}`,
    ],
    {
      stdio: ["ignore", "inherit", "inherit"],
    },
  );
  const ended = new Promise((_, reject) =>
    server.once("exit", (code) => reject(new StepFailed(`the registry ended with ${code}`))),
  );
  ended.catch(() => {});
  const address = `http://127.0.0.1:${port}/`;
  const answers = async () => {
    while (
      !(await fetch(`${address}-/ping`).then(
        (r) => r.ok,
        () => false,
      ))
    )
      await new Promise((done) => setTimeout(done, 200));
  };
  await Promise.race([answers(), ended]);
  return address;
}

async function publish(registry) {
  // Whoever is not logged in may publish there, but npm wants a token to send.
  const userconfig = join(work, "npmrc");
  writeFileSync(userconfig, `//${new URL(registry).host}/:_authToken=anybody\n`);
  const env = { npm_config_userconfig: userconfig };
  const args = ["scripts/release/publish.mjs", "--registry", registry];
  await step("Publishing the packages to it", "node", args, { show: true, env });
  for (const { manifest } of publicPackages())
    for (const platform of manifest.addon?.platforms ?? [])
      if (platform !== platformName())
        publishEmpty(`${manifest.addon.name}-${platform}`, platform, manifest.version, registry, env);
}

/** In place of a package of another platform, which a release has: some clients look at all of them before they leave out what does not fit. */
function publishEmpty(name, platform, version, registry, env) {
  const [os, cpu] = platform.split("-");
  const folder = join(work, "empty", name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, version, os: [os], cpu: [cpu] }));
  const options = { cwd: folder, stdio: "pipe", env: { ...process.env, ...env } };
  execFileSync("npm", ["publish", "--loglevel", "error", "--registry", registry], options);
}

async function tryClient(client, version, registry, withAddon) {
  const project = join(work, `${client}-${version}`);
  cpSync(join(root, "scripts/release/registry-project"), project, { recursive: true });
  const node = nodeBinary(version);
  const env = {
    ...{
      PATH: `${dirname(node)}:${process.env.PATH}`,
      WITH_ADDON: withAddon ? "1" : "",
    },
    // Nothing of what is installed for the user who runs this.
    ...{
      HOME: join(project, "home"),
      XDG_CACHE_HOME: join(project, "home/cache"),
      XDG_DATA_HOME: join(project, "home/data"),
    },
    // Yarn's hosts are https but where it is told otherwise, and CI makes its installs refuse to write a lockfile.
    ...{
      YARN_NPM_REGISTRY_SERVER: registry,
      YARN_UNSAFE_HTTP_WHITELIST: "127.0.0.1",
      YARN_ENABLE_IMMUTABLE_INSTALLS: "false",
    },
    ...{
      YARN_ENABLE_GLOBAL_CACHE: "false",
      YARN_ENABLE_TELEMETRY: "0",
      YARN_NODE_LINKER: "pnp",
      YARN_NPM_MINIMAL_AGE_GATE: "0",
      CI: "",
    },
  };
  mkdirSync(env.HOME, { recursive: true });
  writeFileSync(join(project, ".npmrc"), `registry=${registry}\n`);
  const run = (title, args) => step(`${client}, Node ${version}: ${title}`, node, args, { cwd: project, env });
  const [installation, execution] = {
    npm: [[npmCli(), "install", "--no-audit", "--no-fund"], ["main.mjs"]],
    pnpm: [[tool(`pnpm@${PNPM}`, "pnpm/bin/pnpm.mjs"), "install"], ["main.mjs"]],
    yarn: [
      [tool(YARN, "@yarnpkg/cli-dist/bin/yarn.js"), "install"],
      [tool(YARN, "@yarnpkg/cli-dist/bin/yarn.js"), "node", "main.mjs"],
    ],
  }[client];
  await run("installing", installation);
  const printed = await run("running", execution);
  if (!printed.includes("all answered")) throw new StepFailed(`${client}, Node ${version}: it printed\n${printed}`);
}

function nodeBinary(version) {
  if (process.versions.node.split(".")[0] === version) return process.execPath;
  const folder = join(work, `node-${version}`);
  install(folder, `node@${version}`, ["--foreground-scripts"]);
  return join(folder, "node_modules/node/bin/node");
}

/** Path of a file of a package's, installed once. */
function tool(spec, file) {
  const folder = join(work, spec.replace(/[^a-z0-9]/gi, "-"));
  install(folder, spec);
  return join(folder, "node_modules", file);
}

function npmCli() {
  return join(dirname(dirname(process.execPath)), "lib/node_modules/npm/bin/npm-cli.js");
}

function install(folder, spec, options = []) {
  execFileSync("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", "--no-save", ...options, spec], {
    stdio: "pipe",
  });
}

async function freePort() {
  const probe = createServer();
  await new Promise((done) => probe.listen(0, "127.0.0.1", done));
  const { port } = probe.address();
  await new Promise((done) => probe.close(done));
  return port;
}
