/** The completion scripts, each sourced in its own shell, with the program found as npm installs it. */
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { run } from "../support/package.ts";
import { MAIN } from "../support/program.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { test } from "../support/test.ts";

const { dir, remove } = await makeTempDir();
const bin = join(dir, "bin");

test.after.always(remove);
test.before(async () => {
  await mkdir(bin);
  const program = join(bin, "sealtalk-misc");
  const main = resolve(MAIN);
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  await chmod(program, 0o755);
});

/** A shell, how it runs a script, and the script that prints what it offers for these words. */
interface Shell {
  readonly name: string;
  readonly options: ReadonlyArray<string>;
  readonly script: (words: ReadonlyArray<string>) => string;
}

const quoted = (words: ReadonlyArray<string>): string => words.map((word) => `'${word}'`).join(" ");

const SHELLS: ReadonlyArray<Shell> = [
  {
    name: "bash",
    options: ["--norc", "-c"],
    // compopt has nothing to set where nobody has pressed Tab.
    script: (words) => `
      PATH='${bin}':"$PATH"
      source /usr/share/bash-completion/bash_completion
      source <(sealtalk-misc completion bash)
      COMP_WORDS=(sealtalk-misc ${quoted(words)})
      COMP_CWORD=${words.length}
      COMP_LINE='sealtalk-misc ${words.join(" ")}'
      COMP_POINT=1000
      __sealtalk_misc_complete 2>/dev/null
      for offered in "$\{COMPREPLY[@]}"; do echo "$offered"; done`,
  },
  {
    name: "fish",
    options: ["--no-config", "-c"],
    script: (words) => `
      set -x PATH '${bin}' $PATH
      sealtalk-misc completion fish | source
      complete -C 'sealtalk-misc ${words.join(" ")}'`,
  },
  {
    name: "zsh",
    options: ["-f", "-c"],
    // What zsh would show comes to _describe; here that prints it.
    script: (words) => `
      PATH='${bin}':"$PATH"
      autoload -Uz compinit
      compinit -u -d '${join(dir, "zcompdump")}'
      source <(sealtalk-misc completion zsh)
      _describe() { print -l -- $completions }
      words=(sealtalk-misc ${quoted(words)})
      CURRENT=${words.length + 1}
      _sealtalk-misc`,
  },
];

for (const { name, options, script } of SHELLS) {
  test(`${name} completes commands, their commands and their options`, async (t) => {
    const offer = async (...words: ReadonlyArray<string>): Promise<string> =>
      (await run(dir, name, ...options, script(words))).text;
    t.regex(await offer("ou"), /\boutbox\b/);
    t.regex(await offer("ba"), /\bbackup\b/);
    t.regex(await offer("res"), /\brestore\b/);
    const commands = await offer("outbox", "");
    for (const command of ["status", "dead", "retry"]) {
      t.true(commands.includes(command), `${command}: ${commands}`);
    }
    const ofRetry = await offer("outbox", "retry", "--");
    t.regex(ofRetry, /--dead/);
    t.notRegex(ofRetry, /--days/);
    t.regex(await offer("token", "--"), /--days/);
  });
}
