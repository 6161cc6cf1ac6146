/** For engines whose virtual machine is WebAssembly itself: how the host that runs it on its own thread stops it, what it lets it see, and how it puts it back. */
export { LinearMemory, type TextBuffer } from "./memory/linear-memory.ts";
export { type Globals, MemoryImage } from "./memory/memory-image.ts";
export { type ModuleShape, readShape } from "./module/module-shape.ts";
export { GuestExit, StopSwitch } from "./stop.ts";
export { Ticker } from "./ticks/ticker.ts";
export { addTicks, COUNTDOWN, type TickOptions } from "./ticks/ticks.ts";
export { type FileNode, type Folder, putFile } from "./wasi/file-tree.ts";
export { Wasi } from "./wasi/wasi.ts";
export { type OpenFiles, WasiFiles } from "./wasi/wasi-files.ts";
export { type WasmFunction, type WasmGlobal, type WasmMemory, type WasmModule, wasmApi } from "./webassembly.ts";
