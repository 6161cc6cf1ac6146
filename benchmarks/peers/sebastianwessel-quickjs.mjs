// https://sebastianwessel.github.io/quickjs/docs/basic-understanding.html: `loadQuickJs` once, one `runSandboxed` that stays open, and
// `evalCode` in it for each call, which is far cheaper than a sandbox a call.
import { readFile } from "node:fs/promises";
import variant from "@jitl/quickjs-ng-wasmfile-release-sync";
import { loadQuickJs } from "@sebastianwessel/quickjs";

const SOURCE = new URL("../../fixtures/validate-email/quickjs/validate.js", import.meta.url);

export async function open() {
  const source = await readFile(SOURCE, "utf8");
  const { runSandboxed } = await loadQuickJs(variant);
  let end;
  const ended = new Promise((resolve) => (end = resolve));
  const ready = Promise.withResolvers ? Promise.withResolvers() : withResolvers();
  const sandbox = runSandboxed(async ({ evalCode }) => {
    ready.resolve(evalCode);
    await ended;
  });
  sandbox.catch(ready.reject);
  const evalCode = await ready.promise;
  return {
    async call(fn, payload) {
      const answer = await evalCode(
        `${source}\nexport default JSON.stringify(${fn}(JSON.parse(${JSON.stringify(payload)})));`,
      );
      if (!answer.ok) throw new Error(answer.error.message);
      return answer.data;
    },
    async close() {
      end();
      await sandbox;
    },
  };
}

function withResolvers() {
  const all = {};
  all.promise = new Promise((resolve, reject) => Object.assign(all, { resolve, reject }));
  return all;
}
