#!/usr/bin/env node
import { once } from "node:events";
import { isMissingModule, missingModule } from "./failure.ts";

const complain = (line: string): boolean => process.stderr.write(`${line}\n`);

const runProgram = async (): Promise<number> => {
  const { runCommandLine } = await import("./program.ts");
  return runCommandLine(process.argv.slice(2), {
    env: process.env,
    isTerminal: process.stdout.isTTY,
    print: (line) => process.stdout.write(`${line}\n`),
    complain,
    isWatched: process.stderr.isTTY,
    ended: () =>
      Promise.race(
        ["SIGTERM", "SIGINT"].map(async (signal) => {
          await once(process, signal);
          return signal;
        }),
      ),
  });
};

// Only the user of this process may read what the program writes: the store and the secret.
process.umask(0o077);

// Who reads may have had enough, as `head` has.
process.stdout.on("error", (fault: NodeJS.ErrnoException) => {
  if (fault.code !== "EPIPE") {
    throw fault;
  }
});

const main = async (): Promise<void> => {
  try {
    process.exitCode = await runProgram();
  } catch (fault) {
    if (!isMissingModule(fault)) {
      throw fault;
    }
    const { lines, exitCode } = missingModule(fault);
    lines.forEach(complain);
    process.exitCode = exitCode;
  }
};

// As Node ends by itself when the loop has nothing left of what is awaited: what is required cannot
// await at its top.
process.exitCode = 13;
main();
