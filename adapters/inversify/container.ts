import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import { Container, ContainerModule } from "inversify";
import { type ConfigFault, readConfig } from "../config/mod.ts";
import { makeN3dIds } from "../ids/mod.ts";
import { parseMysqlUrl } from "../mysql/address.ts";
import { bindObserving } from "./observing.ts";
import { OpeningFault } from "./opening.ts";
import { bindPorts } from "./ports.ts";
import { provide } from "./provide.ts";
import { bindService } from "./service.ts";
import { bindSessions } from "./sessions.ts";
import { bindStores } from "./stores.ts";
import * as tokens from "./tokens.ts";

/** What the program is wired for. */
export interface ContainerOptions {
  /** Whether a server is to be run, which needs more. */
  readonly serving: boolean;
  /** Whether a person reads the log as it comes: it is then written for them. */
  readonly isTerminal?: boolean;
}

/**
 * Wires the program for an environment, or reports everything that is wrong with that. Nothing is
 * opened before it is asked for.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { closeContainer, makeContainer, resolve, tokens } from "sealtalk-misc/inversify";
 *
 * const wired = makeContainer({ STORE: "memory", SESSION_SECRET: "s".repeat(32) }, { serving: true });
 * assert.ok(isRight(wired));
 * const misc = await resolve(wired.right, tokens.MISC);
 * assert.ok(isRight(await misc.checkUpdate("1.0.0")()));
 * await closeContainer(wired.right);
 * ```
 */
export const makeContainer = (
  env: Readonly<Record<string, string | undefined>>,
  { serving, isTerminal = false }: ContainerOptions,
): E.Either<ReadonlyArray<ConfigFault>, Container> =>
  pipe(
    readConfig(env, {
      n3dKeyFault: (key) => expectedOf(makeN3dIds(key)),
      mysqlUrlFault: (url) => expectedOf(parseMysqlUrl(url)),
      serving,
    }),
    E.map((config) => {
      const container = new Container();
      container.load(
        new ContainerModule(({ bind }) => {
          provide(bind, tokens.CONFIG, [], () => config);
          bindObserving(bind, isTerminal);
          bindStores(bind, serving);
          bindPorts(bind);
          bindSessions(bind);
          bindService(bind);
        }),
      );
      return container;
    }),
  );

const expectedOf: (read: E.Either<{ readonly expected: string }, unknown>) => string | undefined =
  E.match(
    ({ expected }) => expected,
    () => undefined,
  );

/**
 * Closes what was opened: first who takes requests and who delivers, then what they work on.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { closeContainer, makeContainer } from "sealtalk-misc/inversify";
 *
 * const wired = makeContainer({ STORE: "memory" }, { serving: false });
 * assert.ok(isRight(wired));
 * await closeContainer(wired.right);
 * ```
 */
export const closeContainer = async (container: Container): Promise<void> => {
  const faults = [
    ...(await unbindAll(container, tokens.SERVER, tokens.RELAY)),
    ...(await unbindAll(container, tokens.RELEASE_FILES)),
    ...(await unbindAll(
      container,
      ...[tokens.STORE, tokens.MYSQL, tokens.KEEP_ALIVE, tokens.TRACING],
    )),
  ];
  if (faults.length > 0) {
    throw faults[0];
  }
};

/** What went wrong: one that cannot be closed keeps no other open. */
const unbindAll = async (
  container: Container,
  ...some: ReadonlyArray<symbol>
): Promise<ReadonlyArray<unknown>> => {
  const outcomes = await Promise.allSettled(some.map((token) => unbind(container, token)));
  return outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
};

const unbind = async (container: Container, token: symbol): Promise<void> => {
  try {
    await container.unbind(token);
  } catch (fault) {
    // What could not be opened is not there to be closed, but inversify repeats why.
    if (!(fault instanceof OpeningFault)) {
      throw fault;
    }
  }
};
