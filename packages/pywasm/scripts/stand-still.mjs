import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";

/** Does something while the clocks stand still and random bytes are zeros, so that it comes to the same each time. */
export function standStill(work) {
  const { now } = Date;
  const { randomFillSync } = crypto;
  const none = () => 0;
  Date.now = none;
  performance.now = none;
  crypto.randomFillSync = (buffer, offset = 0, size = buffer.length - offset) => buffer.fill(0, offset, offset + size);
  syncBuiltinESMExports();
  try {
    return work();
  } finally {
    Date.now = now;
    // Its own is that of its prototype.
    delete performance.now;
    crypto.randomFillSync = randomFillSync;
    syncBuiltinESMExports();
  }
}
