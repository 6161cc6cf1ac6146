// The shared fixture's function, for the hand-written workers to run what the extension runs.
export { validate } from "../../fixtures/validate-email/native/validate.mjs";
