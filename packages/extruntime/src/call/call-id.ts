/** Numbers of calls, unique in the process. */

let calls = 0;
/** Of the call that begins next, where it has one already. */
let given = 0;

export function nextCallId(): number {
  return ++calls;
}

/** The call that begins next has this number. */
export function giveCallId(id: number): void {
  given = id;
}

/** Number of the call that begins now. */
export function takeCallId(): number {
  if (given === 0) return ++calls;
  const id = given;
  given = 0;
  return id;
}
