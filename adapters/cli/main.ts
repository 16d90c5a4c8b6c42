#!/usr/bin/env node
import { once } from "node:events";

// Who embeds the core installs none of the libraries that the program needs.
const loadProgram = async (): Promise<typeof import("./program.ts") | undefined> => {
  try {
    return await import("./program.ts");
  } catch (fault) {
    if (fault instanceof Error && "code" in fault && fault.code === "ERR_MODULE_NOT_FOUND") {
      process.stderr.write(
        `${fault.message}\nThe program needs the peers of its package: see its peerDependencies.\n`,
      );
      return undefined;
    }
    throw fault;
  }
};

const program = await loadProgram();
process.exitCode =
  program === undefined
    ? 1
    : await program.runCommandLine(process.argv.slice(2), {
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
