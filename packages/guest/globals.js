// Types alone: globals.d.ts.
export {};
