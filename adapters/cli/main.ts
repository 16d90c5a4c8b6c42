#!/usr/bin/env node
import { once } from "node:events";

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

// What the program writes is for its own user alone: the store, its socket, the secret.
process.umask(0o077);

// Who reads may have had enough, as `head` has.
process.stdout.on("error", (fault: NodeJS.ErrnoException) => {
  if (fault.code !== "EPIPE") {
    throw fault;
  }
});

try {
  process.exitCode = await runProgram();
} catch (fault) {
  // Who embeds the core installs none of the libraries that the program needs.
  if (!(fault instanceof Error && "code" in fault && fault.code === "ERR_MODULE_NOT_FOUND")) {
    throw fault;
  }
  complain(fault.message);
  complain("The program needs the peers of its package: see its peerDependencies.");
  process.exitCode = 1;
}
