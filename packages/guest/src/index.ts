import { fileURLToPath } from "node:url";

/** Languages whose SDK is in this package as sources. */
export type SdkLanguage = "assemblyscript" | "rust" | "go" | "c" | "python";

const FOLDERS: Readonly<Record<SdkLanguage, string>> = {
  assemblyscript: "assembly",
  rust: "rust",
  go: "go",
  c: "c",
  python: "python/extruntime-stubs",
};

/** Path of the folder with a language's SDK: a crate, a Go package, headers, stubs. Build scripts copy it, or name it to a compiler. */
export function sdkFolder(language: SdkLanguage): string {
  return fileURLToPath(new URL(`../${FOLDERS[language]}`, import.meta.url));
}

export type { GuestContext, GuestFunction, GuestHost, HostFunctionTypes } from "./types.ts";
