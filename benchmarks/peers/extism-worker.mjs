// https://github.com/extism/js-sdk#run-extism-in-a-worker: `runInWorker`, which keeps the event loop free.
import { open as openIn } from "./extism.mjs";

export const open = () => openIn({ inWorker: true });
