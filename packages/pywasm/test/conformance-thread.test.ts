import { conformanceAt } from "./conformance-setup.ts";

await conformanceAt("thread");
