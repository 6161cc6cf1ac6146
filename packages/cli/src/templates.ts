/** Languages of `init`, with the runtimes that take them, the usual one first. */
export const LANGUAGES = {
  javascript: { runtimes: ["quickjs", "v8", "native"], module: "index.mjs" },
  python: { runtimes: ["pyvm"], module: "main.py" },
} as const;

export type Language = keyof typeof LANGUAGES;

/** Files of a new extension, by their paths. `schema` is where an editor finds the manifest's schema. */
export function templateFiles({
  name,
  language,
  runtime,
  schema,
}: {
  name: string;
  language: Language;
  runtime: string;
  schema: string;
}): Record<string, string> {
  const { module } = LANGUAGES[language];
  const manifest = {
    $schema: schema,
    name,
    version: "0.1.0",
    description: "Greets people.",
    runtime,
    module,
    exports: ["greet"],
    // Any CPython can be its interpreter: those of their own want 3.12.
    ...(language === "python" ? { python: { interpreter: "shared" } } : {}),
  };
  return {
    "extension.json": json(manifest),
    [module]: SOURCES[language],
    "cases.json": json(CASES),
    "README.md": readme(name, module, runtime),
  };
}

const SOURCES: Readonly<Record<Language, string>> = {
  javascript: `/** Takes one JSON value, and returns one. */
export function greet({ name }) {
  if (typeof name !== "string" || name === "") throw new TypeError("name must be a text");
  return { text: \`Hello, \${name}!\` };
}
`,
  python: `def greet(value):
    """Takes one JSON value, and returns one."""
    name = value.get("name")
    if not isinstance(name, str) or not name:
        raise TypeError("name must be a text")
    return {"text": f"Hello, {name}!"}
`,
};

const CASES = {
  cases: [
    { name: "greets", function: "greet", input: { name: "Ada" }, output: { text: "Hello, Ada!" } },
    {
      name: "wants a name",
      function: "greet",
      input: {},
      error: { code: "ERR_EXT_GUEST", name: "TypeError", message: "name must be a text" },
    },
  ],
};

function readme(name: string, module: string, runtime: string): string {
  const engine =
    runtime === "native"
      ? ["@extruntime/cli"]
      : ["@extruntime/cli", `@extruntime/${runtime}`, ...(runtime === "v8" ? ["isolated-vm"] : [])];
  return `# ${name}

An extension for [extruntime](https://www.npmjs.com/package/extruntime), in the runtime \`${runtime}\`.

    npm install --save-dev ${engine.join(" ")}

    npx extruntime check .                             # finds what is wrong
    npx extruntime test .                              # runs the cases
    npx extruntime call . greet '{ "name": "Ada" }'    # calls a function

- \`extension.json\`: what it is called, what runs it, and the functions that a host may call
- \`${module}\`: its code
- \`cases.json\`: calls of its functions, each with the \`output\` or the \`error\` that must come of it
`;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
