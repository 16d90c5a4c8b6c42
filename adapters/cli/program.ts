import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import * as E from "fp-ts/lib/Either.js";
import type * as TE from "fp-ts/lib/TaskEither.js";
import type { Failure } from "./failure.ts";
import type { ImportOptions } from "./import.ts";
import type { RetryOptions } from "./outbox.ts";
import { SEALTALK_TABLES } from "./sealtalk.ts";
import type { PrintOptions, Surroundings } from "./surroundings.ts";
import type { TokenCommandOptions } from "./token.ts";
import { VERSION } from "./version.ts";

const USAGE = 2;
const LONGEST_DAYS = 3_650;

/** Runs one command and answers with the exit status. */
export const runCommandLine = async (
  args: ReadonlyArray<string>,
  surroundings: Surroundings,
): Promise<number> => {
  let exitCode = 0;
  const run = async (command: TE.TaskEither<Failure, void>): Promise<void> => {
    const outcome = await command();
    if (E.isLeft(outcome)) {
      exitCode = outcome.left.exitCode;
      outcome.left.lines.forEach(surroundings.complain);
    }
  };
  try {
    const program = makeProgram(surroundings, run);
    await describeCompletion(program, args);
    await program.parseAsync(args, { from: "user" });
  } catch (fault) {
    if (!(fault instanceof CommanderError)) {
      throw fault;
    }
    return fault.exitCode === 0 ? 0 : USAGE;
  }
  return exitCode;
};

// Each command is loaded when it is asked for: a shell asks for completions at each press of Tab.
type Run = (command: TE.TaskEither<Failure, void>) => Promise<void>;

const makeProgram = (surroundings: Surroundings, run: Run): Command => {
  const program = new Command("sealtalk-misc")
    .description("The misc service of SealTalk; docs/operating.md lists its environment variables.")
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => surroundings.print(text.trimEnd()),
      writeErr: (text) => surroundings.complain(text.trimEnd()),
    });

  program
    .command("serve")
    .description("serve HTTP and deliver notices until SIGTERM")
    .action(async () => run((await import("./serve.ts")).serve(surroundings)));

  program
    .command("token")
    .description("print a session token")
    .requiredOption("--user <id>", "whose session it is")
    .option("--days <n>", "how long it lasts", wholeNumber(LONGEST_DAYS), 30)
    .action(async (options: TokenCommandOptions) =>
      run((await import("./token.ts")).printToken(surroundings, options)),
    );

  describeFriends(program, surroundings, run);
  describeMembers(program, surroundings, run);

  program
    .command("import")
    .description("read what is elsewhere into the store; it may be run again")
    .option("--friends <file>", "rows userId,friendId")
    .option("--members <file>", "rows groupId,userId")
    .addOption(
      new Option(
        "--from-mysql [table...]",
        "from the SealTalk database at MYSQL_URL: these tables, or all",
      ).choices(SEALTALK_TABLES),
    )
    .option("--store <file>", "a file that `sealtalk-misc export` wrote, from any kind of store")
    .option("--json", "the report as JSON")
    .action(async (options: ImportOptions) =>
      run((await import("./import.ts")).importAll(surroundings, options)),
    );

  program
    .command("export <file>")
    .description("write everything that the store holds into a file; stop the servers first")
    .option("--json", "the report as a JSON object")
    .action(async (file: string, options: PrintOptions) =>
      run((await import("./export.ts")).exportStore(surroundings, file, options)),
    );

  describeOutbox(program, surroundings, run);

  program
    .command("backup <file>")
    .description("copy the embedded store into a new file, also while the server runs")
    .action(async (file: string) => run((await import("./backup.ts")).backUp(surroundings, file)));

  program
    .command("restore <file>")
    .description("put a backup in the place of the embedded store; stop the servers first")
    .action(async (file: string) => run((await import("./backup.ts")).restore(surroundings, file)));

  program
    .command("releases")
    .description("look after the release files")
    .command("check")
    .description("validate RELEASES_DIR and say what each sample client would get")
    .option("--json", "as a JSON object")
    .action(async (options: PrintOptions) =>
      run((await import("./releases.ts")).checkReleases(surroundings, options)),
    );

  program
    .command("doctor")
    .description("try every configured part and say what is wrong")
    .option("--json", "as a JSON array")
    .action(async (options: PrintOptions) =>
      run((await import("./doctor.ts")).diagnose(surroundings, options)),
    );

  return program;
};

const COMPLETION = "completion";

// What completes the commands is loaded where it is asked for; elsewhere its command is only listed.
const describeCompletion = async (program: Command, args: ReadonlyArray<string>): Promise<void> => {
  if (args.includes(COMPLETION) || args[0] === "complete") {
    const { default: complete } = await import("@bomb.sh/tab/commander");
    complete(program, { completionCommandName: COMPLETION });
  } else {
    program.command(`${COMPLETION} <shell>`).description("Generate shell completion scripts");
  }
};

const describeFriends = (program: Command, surroundings: Surroundings, run: Run): void => {
  const friends = program.command("friends").description("see and change who is whose friend");
  friends
    .command("add <a> <b>")
    .description("make two users friends")
    .action(async (a: string, b: string) =>
      run((await import("./friends.ts")).addFriends(surroundings, a, b)),
    );
  friends
    .command("remove <a> <b>")
    .description("make two users friends no more")
    .action(async (a: string, b: string) =>
      run((await import("./friends.ts")).removeFriends(surroundings, a, b)),
    );
  friends
    .command("list <a>")
    .description("list a user's friends")
    .option("--json", "as a JSON array")
    .action(async (a: string, options: PrintOptions) =>
      run((await import("./friends.ts")).listFriends(surroundings, a, options)),
    );
};

const describeMembers = (program: Command, surroundings: Surroundings, run: Run): void => {
  const members = program.command("members").description("see and change who is in a group");
  members
    .command("add <group> <users...>")
    .description("add users to a group")
    .action(async (group: string, users: ReadonlyArray<string>) =>
      run((await import("./members.ts")).addMembers(surroundings, group, users)),
    );
  members
    .command("remove <group> <users...>")
    .description("remove users from a group")
    .action(async (group: string, users: ReadonlyArray<string>) =>
      run((await import("./members.ts")).removeMembers(surroundings, group, users)),
    );
  members
    .command("list <group>")
    .description("list a group's members")
    .option("--json", "as a JSON array")
    .action(async (group: string, options: PrintOptions) =>
      run((await import("./members.ts")).listMembers(surroundings, group, options)),
    );
};

const describeOutbox = (program: Command, surroundings: Surroundings, run: Run): void => {
  const outbox = program
    .command("outbox")
    .description("see the notices that are not delivered yet, and have them tried again");
  outbox
    .command("status")
    .description("say how many wait, since when, how many are on their way or dead, and why")
    .option("--json", "as a JSON object")
    .action(async (options: PrintOptions) =>
      run((await import("./outbox.ts")).showOutbox(surroundings, options)),
    );
  outbox
    .command("dead")
    .description("list the notices that RongCloud can never take")
    .option("--json", "as a JSON array")
    .action(async (options: PrintOptions) =>
      run((await import("./outbox.ts")).listDeadLetters(surroundings, options)),
    );
  outbox
    .command("retry")
    .description("have every postponed notice tried now")
    .option("--dead", "and the dead ones too, behind what waits in their conversations")
    .action(async (options: RetryOptions) =>
      run((await import("./outbox.ts")).retryNotices(surroundings, options)),
    );
};

const wholeNumber =
  (most: number) =>
  (text: string): number => {
    const number = Number(text);
    if (!Number.isInteger(number) || number < 1 || number > most) {
      throw new InvalidArgumentError(`expected a whole number from 1 to ${most}`);
    }
    return number;
  };
