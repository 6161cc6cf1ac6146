#!/usr/bin/env node
// Installs the workspace's packages, for a workflow that needs no more.
import { pnpm, script } from "../workspace.mjs";

await script(() =>
  pnpm("Installing the workspace's packages", ["install", "--frozen-lockfile", "--ignore-scripts"], { show: true }),
);
