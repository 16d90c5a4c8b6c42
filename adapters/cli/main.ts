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

// Of a module, and of one that is required.
const NOT_FOUND: ReadonlyArray<unknown> = ["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"];

const main = async (): Promise<void> => {
  try {
    process.exitCode = await runProgram();
  } catch (fault) {
    // Who embeds the core installs none of the libraries that the program needs.
    if (!(fault instanceof Error && "code" in fault && NOT_FOUND.includes(fault.code))) {
      throw fault;
    }
    const [message = ""] = fault.message.split("\n");
    complain(message);
    complain("The program needs the peers of its package: see its peerDependencies.");
    process.exitCode = 1;
  }
};

// Not awaited: a program that is required cannot wait at its top.
main();
