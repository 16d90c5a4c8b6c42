import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as N from "fp-ts/lib/number.js";
import * as O from "fp-ts/lib/Option.js";
import * as Ord from "fp-ts/lib/Ord.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import {
  type Claim,
  type ClaimLost,
  CONVERSATION_TYPES,
  type ConversationKey,
  type ConversationType,
  DeadLetter,
  OutboundMessage,
  type Outbox,
  type OutboxStatus,
  type Outcome,
  type ReasonCount,
  type StoreUnavailable,
  storeUnavailable,
} from "../../core/mod.ts";
import { type Connection, scripted } from "./connection.ts";
import { makeDemotions } from "./demotion.ts";
import type { Keys, PartitionKeys } from "./keys.ts";
import * as scripts from "./scripts.ts";
import { type Versioned, versioned } from "./values.ts";

/** The outbox, and what the settings need of it. */
export interface RedisOutbox {
  readonly outbox: Outbox;
  /** Appends a notice to its conversation's queue and, unless it is empty, sets a status, as one. */
  readonly store: (
    conversation: ConversationKey,
    notice: OutboundMessage,
    status: string,
  ) => TE.TaskEither<StoreUnavailable, void>;
  /** Calls the listeners: a notice was stored. */
  readonly announce: () => void;
}

/** An entry of a queue. `attempts`: how often it was tried before it came to this queue. */
export const ENTRY: Versioned<Pick<Claim, "notice" | "attempts" | "storedAt">> = versioned(
  t.type({ notice: OutboundMessage, attempts: t.number, storedAt: t.number }),
);

/** How a dead letter is kept. */
export const DEAD: Versioned<DeadLetter> = versioned(DeadLetter);

/** An entry in its queue: behind its number, by which its age is kept. */
export const NUMBERED: RegExp = /^\d+ (.*)$/s;

const Claimed = t.tuple([t.string, t.string, t.string]);

/** A conversation whose turn may have come. */
interface Candidate {
  readonly partition: PartitionKeys;
  readonly conversation: ConversationKey;
  readonly dueAt: number;
  readonly demoted: boolean;
}

const byDueAt: Ord.Ord<Candidate> = pipe(
  N.Ord,
  Ord.contramap(({ dueAt }) => dueAt),
);

// Who lost so many races for a conversation looks again at the next poll.
const MOST_RACES = 8;

/** Queues in partitions, each of which a script may work on as a whole. */
export const makeOutbox = (
  { ask, change }: Connection,
  keys: Keys,
  { now, newId }: { readonly now: () => number; readonly newId: () => string },
): RedisOutbox => {
  const demotions = makeDemotions();
  const listeners = new Set<() => void>();
  const announce = (): void => {
    for (const listener of listeners) {
      listener();
    }
  };

  const inPartitions = <A>(
    question: (partition: PartitionKeys) => TE.TaskEither<StoreUnavailable, A>,
  ): TE.TaskEither<StoreUnavailable, ReadonlyArray<A>> =>
    pipe(keys.partitions, TE.traverseArray(question));

  const store: RedisOutbox["store"] = (conversation, notice, status) =>
    pipe(
      TE.fromIO(() => {
        const partition = keys.partitionOf(conversation);
        const at = now();
        return change(
          scripted(scripts.STORE)(
            [
              partition.statuses,
              partition.queue(conversation),
              partition.state(conversation),
              partition.due(notice.conversationType),
              partition.ages,
              partition.sequence,
              partition.done(newId()),
            ],
            [conversation, status, ENTRY.write({ notice, attempts: 0, storedAt: at }), at],
          ),
        );
      }),
      TE.flatten,
      TE.map(announce),
    );

  /**
   * The first conversation that is due in each partition that answers, in turn; or why one does not.
   * Of partitions that are demoted only one is asked, and last: each may take its time to fail.
   */
  const firstDue = (
    type: ConversationType,
    at: number,
  ): TE.TaskEither<StoreUnavailable, ReadonlyArray<Candidate>> =>
    pipe(
      keys.partitions.map((partition) =>
        pipe(
          ask((client) => client.zrange(partition.due(type), "0", "0", "WITHSCORES")),
          TE.map(([conversation, dueAt]) =>
            conversation === undefined || Number(dueAt) > at
              ? O.none
              : O.some({
                  partition,
                  conversation,
                  dueAt: Number(dueAt),
                  demoted: demotions.isDemoted(partition, at),
                }),
          ),
        ),
      ),
      (looks) => async () => {
        const { left, right } = RA.separate(await Promise.all(looks.map((look) => look())));
        const { left: due, right: demoted } = pipe(
          RA.compact(right),
          RA.sort(byDueAt),
          RA.partition(({ demoted }) => demoted),
        );
        const [fault] = left;
        return fault !== undefined && due.length + demoted.length === 0
          ? E.left(fault)
          : E.right([...due, ...demoted.slice(0, 1)]);
      },
    );

  const claimOf = (
    { partition, conversation }: Candidate,
    leaseUntil: number,
    answer: unknown,
  ): E.Either<StoreUnavailable, O.Option<Claim>> => {
    if (!Claimed.is(answer)) {
      return E.right(O.none);
    }
    const [token, entry, tries] = answer;
    return pipe(
      ENTRY.read(partition.queue(conversation), NUMBERED.exec(entry)?.[1] ?? ""),
      E.map(({ notice, attempts, storedAt }) =>
        O.some({
          conversation,
          token: Number(token),
          notice,
          attempts: attempts + Number(tries),
          storedAt,
          leaseUntil,
        }),
      ),
    );
  };

  const claim = (
    type: ConversationType,
    at: number,
    leaseUntil: number,
    races = MOST_RACES,
  ): TE.TaskEither<StoreUnavailable, O.Option<Claim>> =>
    pipe(
      firstDue(type, at),
      TE.chain((candidates) =>
        candidates.length === 0
          ? TE.right(O.none)
          : pipe(
              claimFirst(type, candidates, at, leaseUntil),
              TE.chain((claimed) =>
                O.isNone(claimed) && races > 0
                  ? claim(type, at, leaseUntil, races - 1)
                  : TE.right(claimed),
              ),
            ),
      ),
    );

  /** Claims the first; or the next, if a fault of this one's partition is no news. */
  const claimFirst = (
    type: ConversationType,
    [first, ...others]: ReadonlyArray<Candidate>,
    at: number,
    leaseUntil: number,
  ): TE.TaskEither<StoreUnavailable, O.Option<Claim>> =>
    first === undefined
      ? TE.right(O.none)
      : pipe(
          claimHead(type, first, at, leaseUntil),
          TE.chainFirstIOK(() => () => demotions.works(first.partition)),
          TE.orElse((fault) =>
            demotions.mayPass(first.partition, at, fault) && others.length > 0
              ? claimFirst(type, others, at, leaseUntil)
              : TE.left(fault),
          ),
        );

  const claimHead = (
    type: ConversationType,
    candidate: Candidate,
    at: number,
    leaseUntil: number,
  ): TE.TaskEither<StoreUnavailable, O.Option<Claim>> => {
    const { partition, conversation } = candidate;
    // Settling looks in the conversation's own partition, and would never find the claim.
    if (keys.partitionOf(conversation) !== partition) {
      return setAside(partition.due(type), conversation, leaseUntil);
    }
    return pipe(
      change(
        scripted(scripts.CLAIM)(
          [
            partition.queue(conversation),
            partition.state(conversation),
            partition.due(type),
            partition.leases,
            partition.token,
            partition.done(newId()),
            partition.ages,
            partition.tallies,
            partition.dead,
          ],
          [conversation, at, leaseUntil, type],
        ),
      ),
      TE.chainEitherK((answer) => claimOf(candidate, leaseUntil, answer)),
    );
  };

  /** Has a conversation that cannot be claimed wait for as long as a lease, as CLAIM does. */
  const setAside = (
    due: string,
    conversation: ConversationKey,
    until: number,
  ): TE.TaskEither<StoreUnavailable, never> =>
    pipe(
      change({ key: due, send: (to) => to.zadd(due, "XX", "GT", until, conversation) }),
      TE.chain(() => TE.left(storeUnavailable(`FOREIGN ${due}`))),
    );

  const settle = (
    { conversation, token, notice, attempts, storedAt }: Claim,
    outcome: Outcome,
  ): TE.TaskEither<StoreUnavailable | ClaimLost, void> => {
    const partition = keys.partitionOf(conversation);
    const reason = outcome._tag === "DELIVERED" ? "" : outcome.reason;
    const diedAt = now();
    return pipe(
      change(
        scripted(scripts.SETTLE)(
          [
            partition.queue(conversation),
            partition.state(conversation),
            partition.due(notice.conversationType),
            partition.leases,
            partition.ages,
            partition.tallies,
            partition.dead,
            partition.done(newId()),
          ],
          [
            conversation,
            token,
            outcome._tag,
            outcome._tag === "POSTPONED" ? outcome.until : diedAt,
            reason,
            DEAD.write({ conversation, notice, reason, attempts: attempts + 1, storedAt, diedAt }),
          ],
        ),
      ),
      TE.filterOrElseW(
        (answer) => answer === 1,
        (): ClaimLost => ({ _tag: "CLAIM_LOST" }),
      ),
      TE.map(() => undefined),
    );
  };

  const deadIn = ({
    dead,
  }: PartitionKeys): TE.TaskEither<
    StoreUnavailable,
    ReadonlyArray<readonly [string, DeadLetter]>
  > =>
    pipe(
      ask((client) => client.lrange(dead, 0, -1)),
      TE.chainEitherK(
        E.traverseArray((text) =>
          pipe(
            DEAD.read(dead, text),
            E.map((letter) => [text, letter] as const),
          ),
        ),
      ),
    );

  const status = (at: number): TE.TaskEither<StoreUnavailable, OutboxStatus> =>
    pipe(
      inPartitions(({ ages, leases, dead, tallies }) =>
        pipe(
          TE.Do,
          TE.apS(
            "pending",
            ask((client) => client.zcard(ages)),
          ),
          TE.apS(
            "oldest",
            ask((client) => client.zrange(ages, "0", "0", "WITHSCORES")),
          ),
          TE.apS(
            "inFlight",
            ask((client) => client.zcount(leases, `(${at}`, "+inf")),
          ),
          TE.apS(
            "dead",
            ask((client) => client.llen(dead)),
          ),
          TE.apS(
            "tallies",
            ask((client) => client.hgetall(tallies)),
          ),
        ),
      ),
      TE.map((parts) => ({
        pending: sum(parts.map(({ pending }) => pending)),
        oldest: pipe(
          parts.flatMap(({ oldest: [, storedAt] }) =>
            storedAt === undefined ? [] : [Number(storedAt)],
          ),
          RA.sort(N.Ord),
          RA.head,
        ),
        inFlight: sum(parts.map(({ inFlight }) => inFlight)),
        dead: sum(parts.map(({ dead }) => dead)),
        reasons: reasonsOf(parts.flatMap(({ tallies }) => Object.entries(tallies))),
      })),
    );

  const retry = (at: number): TE.TaskEither<StoreUnavailable, number> =>
    pipe(
      inPartitions((partition) =>
        pipe(
          CONVERSATION_TYPES,
          TE.traverseArray((type) =>
            change(
              scripted(scripts.RETRY)(
                [partition.due(type), partition.leases, partition.done(newId())],
                [at],
              ),
            ),
          ),
        ),
      ),
      TE.map((counts) => sum(counts.flat().map(Number))),
      TE.chainFirstIOK(() => announce),
    );

  const reviveOne =
    (partition: PartitionKeys) =>
    ([text, { conversation, notice, reason, attempts, storedAt }]: readonly [string, DeadLetter]) =>
      change(
        scripted(scripts.REVIVE)(
          [
            partition.dead,
            partition.queue(conversation),
            partition.state(conversation),
            partition.due(notice.conversationType),
            partition.ages,
            partition.sequence,
            partition.tallies,
            partition.done(newId()),
          ],
          [
            text,
            conversation,
            ENTRY.write({ notice, attempts, storedAt }),
            storedAt,
            now(),
            reason,
          ],
        ),
      );

  const revive = (): TE.TaskEither<StoreUnavailable, number> =>
    pipe(
      inPartitions((partition) =>
        pipe(deadIn(partition), TE.chain(TE.traverseSeqArray(reviveOne(partition)))),
      ),
      TE.map((answers) => sum(answers.flat().map(Number))),
      TE.chainFirstIOK(() => announce),
    );

  return {
    store,
    announce,
    outbox: {
      add: (conversation, notice) => store(conversation, notice, ""),
      claim: (type, at, leaseUntil) => claim(type, at, leaseUntil),
      settle,
      deadLetters: () =>
        pipe(
          inPartitions(deadIn),
          TE.map((parts) =>
            pipe(
              parts.flat().map(([, letter]) => letter),
              RA.sort(byDeath),
            ),
          ),
        ),
      status,
      retry,
      revive,
      subscribe: (listener) =>
        TE.fromIO(() => {
          listeners.add(listener);
          return () => {
            listeners.delete(listener);
          };
        }),
    },
  };
};

const byDeath: Ord.Ord<DeadLetter> = pipe(
  N.Ord,
  Ord.contramap(({ diedAt }) => diedAt),
);

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((all, one) => all + one, 0);

/** The counts of all partitions, from fields such as "dead GATEWAY_REJECTED 1002". */
const reasonsOf = (
  fields: ReadonlyArray<readonly [string, string]>,
): ReadonlyArray<ReasonCount> => {
  const counts = new Map<string, ReasonCount>();
  for (const [field, count] of fields) {
    const [, state, reason = ""] = /^(postponed|dead) (.*)$/s.exec(field) ?? [];
    if (state === "postponed" || state === "dead") {
      const before = counts.get(field)?.count ?? 0;
      counts.set(field, { state, reason, count: before + Number(count) });
    }
  }
  return [...counts.values()];
};
