// The child of the floor "JSON lines over a pipe". With `batched` all lines of a chunk are answered with one write, else each with one.
import { validate } from "../../../fixtures/validate-email/native/validate.mjs";

const batched = process.argv[2] === "batched";
let rest = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  let answers = "";
  for (const line of lines) {
    answers += `${JSON.stringify(validate(JSON.parse(line)))}\n`;
    if (batched) continue;
    process.stdout.write(answers);
    answers = "";
  }
  if (answers !== "") process.stdout.write(answers);
});
