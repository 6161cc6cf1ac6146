// The process of a cold start: one subject, one answer.
import { openSubject } from "./subjects/open.ts";
import type { SubjectSpec } from "./subjects/subject.ts";
import { PAYLOAD } from "./trials/trial.ts";

const spec = JSON.parse(process.argv[2]!) as SubjectSpec;
const opened = await openSubject(spec, { guest: "validate" });
const answer = opened.callSync?.("validate", PAYLOAD) ?? (await opened.call!("validate", PAYLOAD));
process.stdout.write(answer, async () => {
  await opened.close();
  // Whatever a peer leaves running is not part of its start.
  process.exit(0);
});
