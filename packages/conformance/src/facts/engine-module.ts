import type { Runtime, RuntimeOptions } from "extruntime";
import { registeredEngines } from "extruntime/engine";
import type { Plan } from "../setup/setup.ts";

/** Imports the engine and gives what makes its runtime. For the child process. */
export async function importEngine(plan: Plan): Promise<() => Promise<Runtime>> {
  const before = new Set(registeredEngines());
  const module = (await import(plan.engine)) as Record<string, unknown>;
  const options = plan.options as RuntimeOptions;
  if (plan.export !== undefined) {
    const factory = module[plan.export];
    if (typeof factory !== "function")
      throw new TypeError(
        `${plan.engine} has no function ${JSON.stringify(plan.export)}; it exports ${Object.keys(module).join(", ")}`,
      );
    return async () => (await factory(options)) as Runtime;
  }
  const registered = registeredEngines().filter((each) => !before.has(each));
  const [registration] = registered;
  if (registration === undefined || registered.length > 1)
    throw new TypeError(
      `${plan.engine} registers ${registered.length} engines with registerEngine; name the export that makes the runtime`,
    );
  return async () => {
    await registration.probe?.();
    return registration.create(options);
  };
}
