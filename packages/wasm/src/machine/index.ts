/** For engines whose virtual machine is WebAssembly itself: how the host that runs it on its own thread stops it. */
export { type ModuleShape, readShape } from "./module/module-shape.ts";
export { Ticker } from "./ticks/ticker.ts";
export { addTicks, COUNTDOWN, type TickOptions } from "./ticks/ticks.ts";
