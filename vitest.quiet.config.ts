import { defineConfig } from "vitest/config";
import base, { QUIET } from "./vitest.config.ts";

/** What `npm test` leaves out, one file after another, for a machine that does nothing else. */
export default defineConfig({
  test: {
    ...base.test,
    include: QUIET.map((pattern) => (pattern.endsWith("/**") ? `${pattern}/*.test.ts` : pattern)),
    exclude: ["**/node_modules/**"],
    fileParallelism: false,
  },
});
