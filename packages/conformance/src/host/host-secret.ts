import { randomBytes } from "node:crypto";

/** Environment variable of the process in which tests run; it holds the secret from the process's start on, so that whatever the engine starts may inherit it. */
export const SECRET_ENV = "EXTRUNTIME_CANARY";

/** What no guest of a sandbox may come by. It is in the process's environment, in its arguments and in the name of its working directory. */
export function newSecret(): string {
  return `canary-${randomBytes(12).toString("hex")}`;
}

/** That of this process. One of its own where the process was not started by the kit. */
export const SECRET = process.env[SECRET_ENV] ?? newSecret();
