/** What an engine for JavaScript takes. With it, modules in TypeScript and imports of packages are bundled for it. */
export interface BundleTarget {
  /** Level of the language, as esbuild's `target` says it: `es2023`, `node20`. */
  readonly target: string;
  /** Guests run in Node: its own modules are there, and plain JavaScript is loaded as Node loads it. In a sandbox they are not. */
  readonly node: boolean;
}
