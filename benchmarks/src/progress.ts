import type { Progress } from "./rounds.ts";

/** Says on standard error what is being measured: one line that is written over on a terminal, a line now and then elsewhere. */
export interface Reporter {
  say(text: string): void;
  onProgress(progress: Progress): void;
  end(): void;
}

/** Milliseconds between lines where they stay. */
const SELDOM_MS = 5000;
const WIDTH = 110;

export function makeReporter(out: NodeJS.WriteStream = process.stderr): Reporter {
  const started = performance.now();
  let last = Number.NEGATIVE_INFINITY;
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s`;
  return {
    say(text) {
      out.write(`${out.isTTY ? "\r\x1b[K" : ""}${seconds()}  ${text}\n`);
    },
    onProgress({ done, total, round, block, spec }) {
      const size = block.size === "" ? "" : ` ${block.size}`;
      const text = `${seconds()}  ${done}/${total}  round ${round + 1}  ${block.trial.info.id}${size}  ${spec.title}`;
      if (out.isTTY) out.write(`\r\x1b[K${text.slice(0, WIDTH)}`);
      else if (performance.now() - last > SELDOM_MS) {
        last = performance.now();
        out.write(`${text}\n`);
      }
    },
    end() {
      if (out.isTTY) out.write("\r\x1b[K");
    },
  };
}
