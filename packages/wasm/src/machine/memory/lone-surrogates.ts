const LONE_SURROGATE = /\p{Surrogate}/u;
const LONE_SURROGATES = /\p{Surrogate}/gu;

/**
 * JSON text as it can be said in UTF-8, which has no lone surrogates: they are written as JSON's escapes, which mean the same within its strings.
 */
export function escapeLoneSurrogates(json: string): string {
  if (!LONE_SURROGATE.test(json)) return json;
  return json.replace(LONE_SURROGATES, (unit, at: number) => {
    let slashes = 0;
    while (json[at - 1 - slashes] === "\\") slashes++;
    // Behind a backslash it is no JSON, and must not become any.
    return slashes % 2 === 1 ? "\ufffd" : `\\u${unit.charCodeAt(0).toString(16)}`;
  });
}
