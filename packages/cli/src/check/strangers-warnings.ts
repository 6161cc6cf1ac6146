import { type Discovery, type Extension, ExtensionError, ExtensionHost, type Limits, strangers } from "extruntime";
import type { JsonText } from "./json-text.ts";
import type { Problem } from "./problem.ts";

/** What the policy function says, which is asked last: everything else was granted. */
const GRANTED = "everything else is granted";

/** What a host with the policy `strangers()` would refuse: all of it. Nothing of the extension runs for that. */
export async function strangersWarnings(
  extension: Extension,
  json: JsonText,
  file: string,
  discovery: Discovery,
): Promise<Problem[]> {
  const warning = { severity: "warning", code: "strangers", file } as const;
  const { manifest } = extension;
  const limits: Record<string, unknown> = { ...manifest.limits };
  const problems: Problem[] = [];
  for (const [name, most] of Object.entries(strangers().limits ?? {})) {
    const asked = manifest.limits[name as keyof Limits];
    if (asked === undefined || most === undefined || asked <= most) continue;
    limits[name] = most;
    problems.push({
      ...warning,
      message: `it asks for limits.${name} of ${asked}, and a host with the policy strangers() gives ${most} at the most, unless it is told otherwise`,
      ...json.rangeOf(["limits", name]),
    });
  }
  const refused = await refusal(extension, limits, discovery);
  if (refused !== undefined)
    problems.push({
      ...warning,
      message: `a host with the policy strangers() would refuse it: ${refused}`,
      ...json.rangeOf(["runtime"]),
    });
  return problems;
}

/** What else is refused, with limits that are not. */
async function refusal(
  extension: Extension,
  limits: Limits,
  { runtimes, unavailable }: Discovery,
): Promise<string | undefined> {
  const host = new ExtensionHost({ runtimes, unavailable, policy: strangers({ allow: () => GRANTED }) });
  const { dir, location, manifest } = extension;
  const copy: Extension = {
    dir,
    location,
    manifest: { ...manifest, limits },
    read: (path) => extension.read(path),
    list: () => extension.list(),
  };
  try {
    await host.load(copy);
  } catch (error) {
    if (!ExtensionError.is(error, "ERR_EXT_DENIED")) throw error;
    const message = error.message.replace(`${manifest.name}: `, "");
    return message === GRANTED ? undefined : message;
  }
  return undefined;
}
