// Bundles the page's script with the plotting library into one file that needs nothing else: part of this package's build.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

await build({
  entryPoints: [at("app.ts")],
  outfile: at("../dist/page/app.js"),
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  legalComments: "inline",
  logLevel: "warning",
});
