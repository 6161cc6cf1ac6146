export { configSource } from "./config.ts";
export { DISPATCHER_FILE, ENTRIES_OF_FUNCTIONS, guestAnswers, KEPT_BUILTINS, MARK } from "./dispatcher.ts";
export { type OwnErrors, readDetails, readOutcome, withoutDispatcher } from "./outcome.ts";
export { readSources, resolveImport, type Sources } from "./sources.ts";
export {
  cannotImport,
  isSyntaxError,
  isVariableName,
  neitherScriptNorModule,
  topLevelNeverSettles,
  unknownFunction,
  variableIfFunction,
} from "./top-level.ts";
