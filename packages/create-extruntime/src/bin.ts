#!/usr/bin/env node
import { create } from "./index.ts";

process.exitCode = await create(process.argv.slice(2));
