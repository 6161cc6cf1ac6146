import { boundsTests } from "../../../fixtures/javascript/bounds.ts";
import { guests } from "./guest.ts";

boundsTests(guests, "v8");
