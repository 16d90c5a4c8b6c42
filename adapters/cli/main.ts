#!/usr/bin/env node
import { once } from "node:events";

// Who embeds the core installs none of the libraries that the program needs.
const loadProgram = async () => {
  try {
    const [{ runCommandLine }, { showBar, showLines }] = await Promise.all([
      import("./program.ts"),
      import("./progress.ts"),
    ]);
    return { runCommandLine, showBar, showLines };
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

const complain = (line: string): boolean => process.stderr.write(`${line}\n`);

const program = await loadProgram();
process.exitCode =
  program === undefined
    ? 1
    : await program.runCommandLine(process.argv.slice(2), {
        env: process.env,
        isTerminal: process.stdout.isTTY,
        print: (line) => process.stdout.write(`${line}\n`),
        complain,
        showProgress: process.stderr.isTTY ? program.showBar : program.showLines(complain),
        ended: () =>
          Promise.race(
            ["SIGTERM", "SIGINT"].map(async (signal) => {
              await once(process, signal);
              return signal;
            }),
          ),
      });
