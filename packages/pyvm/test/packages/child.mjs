// Uses a package once: `node child.mjs <interpreter> <folder> <statements> <expression>`, in the CPython that PYVM_PYTHON names.
// The last line it prints is JSON: { works: true }, or { error } with what the caller is told.
import { pyvm } from "@extruntime/pyvm";

const [interpreter, folder, statements, expression] = process.argv.slice(2);
const source = `
scope = {"__name__": "guest"}
def use(code):
    statements, expression = code
    exec(statements, scope)
    return bool(eval(expression, scope))
`;
const manifest = {
  name: "user",
  runtime: "pyvm",
  module: "user_of_package.py",
  exports: ["use"],
  limits: { maxInstances: 1 },
  python: { interpreter, path: [folder] },
};
const runtime = pyvm({ graceMs: 600_000 });
let told;
try {
  const module = await runtime.load({ manifest, files: { "user_of_package.py": source } });
  told = { works: await module.call("use", [statements, expression]) };
  // The interpreter of an isolated module ends here, with what the package has left in it.
  await module.close();
} catch (error) {
  told = { error: error.message };
}
await runtime.close();
console.log(`\n${JSON.stringify(told)}`);
// Threads of the package's own would keep the process.
process.exit();
