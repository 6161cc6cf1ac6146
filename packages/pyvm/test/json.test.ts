import { jsonTests } from "../../../fixtures/python/json-tests.ts";
import { cpython, load } from "./guest.ts";

jsonTests(cpython.executable, load);
