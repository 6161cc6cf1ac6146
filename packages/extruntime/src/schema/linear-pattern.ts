import { RE2JS } from "re2js";

/**
 * The regular expression of a schema, matched in time that grows with the text alone: V8's own matcher takes hours for `^(a+)+$` and some sixty letters.
 *
 * @throws where it is none, or one that needs a matcher which goes back (lookaround, references to groups).
 */
export function linearPattern(pattern: string): RE2JS {
  return RE2JS.compile(RE2JS.translateRegExp(pattern));
}
