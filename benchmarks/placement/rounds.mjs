/**
 * Rounds of several contenders in turn, so that what disturbs the machine disturbs all of them.
 *
 * @returns for each the microseconds of each round.
 */
export async function interleave(contenders, rounds) {
  const results = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (const run of Object.values(contenders)) await run();
  for (let round = 0; round < rounds; round++)
    for (const [name, run] of Object.entries(contenders)) results[name].push(await run());
  return results;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/** Prints the median of a contender and the median of its ratios to another one, round by round. */
export function row(name, times, against, most) {
  const ratio = median(times.map((time, round) => time / against[round]));
  const verdict = most === undefined ? "" : `  at most ${most.toFixed(2)}: ${ratio <= most ? "met" : "NOT met"}`;
  console.log(
    `${name.padEnd(52)} ${median(times).toFixed(2).padStart(8)} µs  ${ratio.toFixed(2).padStart(5)}x${verdict}`,
  );
}

/** The better of two contenders in each round. */
export function fastest(...contenders) {
  return contenders[0].map((_, round) => Math.min(...contenders.map((times) => times[round])));
}

export const PAYLOAD = '{"email":"a@example.com","age":30}   ';

/** Microseconds per call, `calls` of them one after another. */
export async function serial(call, calls) {
  const begun = performance.now();
  for (let i = 0; i < calls; i++) await call(PAYLOAD);
  return ((performance.now() - begun) * 1000) / calls;
}

/** The same for calls that block. */
export function blockingSerial(call, calls) {
  const begun = performance.now();
  for (let i = 0; i < calls; i++) call(PAYLOAD);
  return ((performance.now() - begun) * 1000) / calls;
}

/** Microseconds per call with `width` of them under way all the time. */
export async function atOnce(call, width, calls) {
  const begun = performance.now();
  let left = calls;
  const lane = async () => {
    while (left-- > 0) await call(PAYLOAD);
  };
  await Promise.all(Array.from({ length: width }, lane));
  return ((performance.now() - begun) * 1000) / calls;
}
