import { ExtensionError } from "extruntime/engine";

/** A name that can be looked up as a variable, for top-level `const`, `let` and `class`, which are not on the global object. */
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

export function isVariableName(name: string): boolean {
  return IDENTIFIER.test(name);
}

/** Code whose value is the function of that name in the top-level scope of scripts. A reserved word throws a SyntaxError, and names nothing. */
export function variableIfFunction(name: string): string {
  return `typeof ${name} === "function" ? ${name} : undefined`;
}

export function isSyntaxError(error: unknown): error is ExtensionError {
  return ExtensionError.is(error, "ERR_EXT_GUEST") && error.guest?.name === "SyntaxError";
}

/** Which error to show of a `.js` file that parses neither as a script nor as a module: the one of the kind that it looks like. */
export function neitherScriptNorModule(source: string, scriptError: unknown, moduleError: unknown): unknown {
  const looksLikeModule = /\b(?:import|export|await)\b/.test(source);
  return scriptError !== undefined && isSyntaxError(moduleError) && !looksLikeModule ? scriptError : moduleError;
}

/** Message of an import that names no file of the extension. */
export function cannotImport(path: string): string {
  return `cannot import ${path}: a module can import the .js and .mjs files of its own extension, by a relative path that is written out; packages, TypeScript and JSON are bundled where the host has esbuild installed`;
}

export function topLevelNeverSettles(main: string): ExtensionError {
  return new ExtensionError("ERR_EXT_GUEST", `the top level of ${main} awaits what can never come`, {
    guest: { name: "Error", message: "the top-level await never settles", stack: "" },
  });
}

/** @param found names of the functions that are there, separated by commas; may be empty. */
export function unknownFunction(main: string, name: string, found: string): ExtensionError {
  return new ExtensionError(
    "ERR_EXT_UNKNOWN_FUNCTION",
    `its manifest exports ${name}, and ${main} has no such function; it has ${found || "none"}`,
    { function: name },
  );
}
