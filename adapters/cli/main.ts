#!/usr/bin/env node
import { once } from "node:events";
import { runCommandLine } from "./program.ts";

process.exitCode = await runCommandLine(process.argv.slice(2), {
  env: process.env,
  print: (line) => process.stdout.write(`${line}\n`),
  complain: (line) => process.stderr.write(`${line}\n`),
  ended: () =>
    Promise.race(
      ["SIGTERM", "SIGINT"].map(async (signal) => {
        await once(process, signal);
        return signal;
      }),
    ),
});
