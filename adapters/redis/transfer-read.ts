import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as O from "fp-ts/lib/Option.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { Cluster, type Redis } from "ioredis";
import {
  type DeadLetter,
  Id,
  MAX_PAGE_RECORDS,
  type StorePage,
  type StoreRecord,
  type StoreTransfer,
  type StoreUnavailable,
  storeUnavailable,
} from "../../core/mod.ts";
import type { Client } from "./client.ts";
import type { Connection } from "./connection.ts";
import type { Keys, PartitionKeys } from "./keys.ts";
import { DEAD, ENTRY, NUMBERED } from "./outbox.ts";
import { IMPORTED, STATUS } from "./settings.ts";
import {
  type Cursor,
  type DeadPosition,
  type NoticePosition,
  type Position,
  type RelationPosition,
  readCursor,
  type StatusPosition,
  writeCursor,
} from "./transfer-cursor.ts";

/** What one step read, and where the next goes on; none: everything was read. */
interface Step {
  readonly records: ReadonlyArray<StoreRecord>;
  readonly position: Position | null;
}

type Reading = TE.TaskEither<StoreUnavailable, Step>;

/** How many keys SCAN looks at in one call. */
const SCAN_COUNT = 500;

/** How many sets are read together. */
const MAX_SETS = 200;

/** How many dead letters of each partition are read together. */
const DEAD_LETTERS = 64;

const damaged = (key: string): StoreUnavailable =>
  storeUnavailable(`a value in ${key} is damaged or not ours`);

/** Reads a store in pages. Each page is one step, and a step reads at most a few thousand values. */
export const makeRead = ({ ask }: Connection, keys: Keys): StoreTransfer["read"] => {
  const partitionAt = (number: number): O.Option<PartitionKeys> =>
    O.fromNullable(keys.partitions[number]);

  const nodes = (): TE.TaskEither<StoreUnavailable, ReadonlyMap<string, Redis>> =>
    pipe(
      ask(async (client) => nodesOf(client)),
      TE.filterOrElse(
        (found) => found.size > 0,
        () => storeUnavailable("not connected"),
      ),
    );

  const beginRelations = (stage: RelationPosition["stage"]): Reading =>
    pipe(
      nodes(),
      TE.map((found) => ({
        records: [],
        position: { stage, nodes: [...found.keys()], scan: "0", keys: [], members: "0" },
      })),
    );

  const readRelations = (position: RelationPosition): Reading => {
    if (position.keys.length > 0) {
      return readSets(position);
    }
    const [name, ...others] = position.nodes;
    if (name === undefined) {
      return position.stage === "FRIENDS"
        ? beginRelations("MEMBER")
        : TE.right({ records: [], position: { stage: "STATUS", partition: 0, scan: "0" } });
    }
    const match = `${withoutPattern(setName(keys, position.stage, ""))}*`;
    return pipe(
      nodes(),
      TE.chainOptionK(() => storeUnavailable(`the primaries changed: ${name} is gone`))((found) =>
        O.fromNullable(found.get(name)),
      ),
      TE.chain((node) => ask(() => node.scan(position.scan, "MATCH", match, "COUNT", SCAN_COUNT))),
      TE.map(([scan, found]) => ({
        records: [],
        position: {
          ...position,
          nodes: scan === "0" ? others : position.nodes,
          scan,
          keys: found,
        },
      })),
    );
  };

  const readSets = (position: RelationPosition): Reading => {
    const [first = ""] = position.keys;
    const some = position.keys.slice(0, MAX_SETS);
    return pipe(
      some,
      TE.traverseArray((key) => ask((client) => client.scard(key))),
      TE.chain((sizes) => {
        const count = countWithin(sizes, MAX_PAGE_RECORDS);
        return count === 0 || position.members !== "0"
          ? readLargeSet(position, first)
          : pipe(
              some.slice(0, count),
              TE.traverseArray((key) =>
                pipe(
                  ask((client) => client.smembers(key)),
                  TE.chainEitherK((ids) => relationsOf(keys, position.stage, key, ids)),
                ),
              ),
              TE.map((read) => ({
                records: read.flat(),
                position: { ...position, keys: position.keys.slice(count) },
              })),
            );
      }),
    );
  };

  const readLargeSet = (position: RelationPosition, key: string): Reading =>
    pipe(
      ask((client) => client.sscan(key, position.members, "COUNT", MAX_PAGE_RECORDS)),
      TE.chainEitherK(([members, ids]) =>
        pipe(
          relationsOf(keys, position.stage, key, ids),
          E.map((records) => ({
            records,
            position: {
              ...position,
              members,
              keys: members === "0" ? position.keys.slice(1) : position.keys,
            },
          })),
        ),
      ),
    );

  const readStatuses = (position: StatusPosition): Reading =>
    pipe(
      partitionAt(position.partition),
      O.match(
        (): Reading =>
          TE.right({
            records: [],
            position: { ...FIRST_NOTICES, partition: 0 },
          }),
        ({ statuses }) =>
          pipe(
            ask((client) => client.hscan(statuses, position.scan, "COUNT", MAX_PAGE_RECORDS)),
            TE.chain(([scan, fields]) =>
              pipe(
                readFields(statuses, pairsOf(fields)),
                TE.map((records) => ({
                  records,
                  position: {
                    ...position,
                    scan,
                    partition: scan === "0" ? position.partition + 1 : position.partition,
                  },
                })),
              ),
            ),
          ),
      ),
    );

  /** An imported status counts only where none was set, which another call of HSCAN may have found. */
  const readFields = (
    statuses: string,
    fields: ReadonlyArray<readonly [string, string]>,
  ): TE.TaskEither<StoreUnavailable, ReadonlyArray<StoreRecord>> => {
    const imported = fields.flatMap(([field]) =>
      field.startsWith(IMPORTED) ? [field.slice(IMPORTED.length)] : [],
    );
    return pipe(
      imported.length === 0 ? TE.right([]) : ask((client) => client.hmget(statuses, ...imported)),
      TE.map((set) => new Set(imported.filter((_, index) => typeof set[index] === "string"))),
      TE.chainEitherK((replaced) =>
        pipe(
          fields.filter(([field]) => !replaced.has(importedIn(field) ?? "")),
          E.traverseArray(([field, value]) =>
            pipe(
              STATUS.read(statuses, value),
              E.map(
                (status): StoreRecord => ({
                  _tag: "STATUS",
                  conversation: importedIn(field) ?? field,
                  status,
                  imported: importedIn(field) !== undefined,
                }),
              ),
            ),
          ),
        ),
      ),
    );
  };

  const readNotices = (position: NoticePosition): Reading =>
    pipe(
      partitionAt(position.partition),
      O.match(
        (): Reading =>
          TE.right({
            records: [],
            position: { stage: "DEAD_LETTER", read: keys.partitions.map(() => 0) },
          }),
        (partition) => {
          if (position.queues.length > 0) {
            return readQueues(partition, position);
          }
          return position.scan === null
            ? TE.right({ records: [], position: nextNotices(position) })
            : findQueues(partition, position, position.scan);
        },
      ),
    );

  const findQueues = (
    partition: PartitionKeys,
    position: NoticePosition,
    scan: string,
  ): Reading => {
    const due = partition.due(position.type);
    return pipe(
      ask((client) => client.zscan(due, scan, "COUNT", SCAN_COUNT)),
      TE.map(([next, found]) => ({
        next,
        queues: pairsOf(found).map(
          ([conversation, dueAt]) => [conversation, Number(dueAt)] as const,
        ),
      })),
      TE.filterOrElse(
        ({ queues }) => queues.every(([, dueAt]) => Number.isFinite(dueAt)),
        () => damaged(due),
      ),
      TE.map(({ next, queues }) => ({
        records: [],
        position: { ...position, scan: next === "0" ? null : next, queues, index: 0 },
      })),
    );
  };

  const readQueues = (partition: PartitionKeys, position: NoticePosition): Reading =>
    pipe(
      position.queues,
      TE.traverseArray(([conversation]) =>
        ask((client) => client.llen(partition.queue(conversation))),
      ),
      TE.map((lengths) => slicesWithin(lengths, position.index, MAX_PAGE_RECORDS)),
      TE.chain(({ slices, count, index }) =>
        pipe(
          slices,
          TE.traverseArray(({ at, from, to }) =>
            readQueue(partition, position.queues[at], from, to),
          ),
          TE.map((read) => ({
            records: read.flat(),
            position: { ...position, queues: position.queues.slice(count), index },
          })),
        ),
      ),
    );

  const readQueue = (
    partition: PartitionKeys,
    [conversation, dueAt]: readonly [string, number] = ["", 0],
    from: number,
    to: number,
  ): TE.TaskEither<StoreUnavailable, ReadonlyArray<StoreRecord>> => {
    const [queue, state] = [partition.queue(conversation), partition.state(conversation)];
    return pipe(
      TE.Do,
      TE.apS(
        "entries",
        ask((client) => client.lrange(queue, from, to - 1)),
      ),
      TE.apS(
        "head",
        ask((client) => client.hmget(state, "tries", "reason")),
      ),
      TE.chainEitherK(({ entries, head: [tries, reason] }) =>
        pipe(
          entries,
          E.traverseArrayWithIndex((index, text) =>
            pipe(
              ENTRY.read(queue, NUMBERED.exec(text)?.[1] ?? ""),
              E.map(({ notice, attempts, storedAt }): StoreRecord => {
                const isHead = from + index === 0;
                return {
                  _tag: "NOTICE",
                  conversation,
                  notice,
                  attempts: attempts + (isHead ? Number(tries ?? 0) : 0),
                  storedAt,
                  dueAt,
                  ...(isHead && typeof reason === "string" ? { reason } : {}),
                };
              }),
            ),
          ),
          E.filterOrElse(
            () => Number.isInteger(Number(tries ?? 0)),
            () => damaged(state),
          ),
        ),
      ),
    );
  };

  const readDead = (position: DeadPosition): Reading =>
    pipe(
      keys.partitions,
      TE.traverseArrayWithIndex((number, { dead }) => {
        const from = position.read[number] ?? 0;
        return pipe(
          ask((client) => client.lrange(dead, from, from + DEAD_LETTERS - 1)),
          TE.chainEitherK(E.traverseArray((text) => DEAD.read(dead, text))),
        );
      }),
      TE.map((parts) => {
        const { letters, taken } = merged(parts);
        return {
          records: letters.map((letter): StoreRecord => ({ _tag: "DEAD_LETTER", letter })),
          position:
            letters.length === 0
              ? null
              : {
                  stage: "DEAD_LETTER",
                  read: taken.map((count, number) => (position.read[number] ?? 0) + count),
                },
        };
      }),
    );

  const step = (position: Position): Reading => {
    switch (position.stage) {
      case "FRIENDS":
      case "MEMBER":
        return readRelations(position);
      case "STATUS":
        return readStatuses(position);
      case "NOTICE":
        return readNotices(position);
      case "DEAD_LETTER":
        return readDead(position);
    }
  };

  const goOn = ({ rest, position }: Cursor): Reading =>
    rest.length > 0 || position === null ? TE.right({ records: rest, position }) : step(position);

  return O.match(
    () => pipe(beginRelations("FRIENDS"), TE.map(pageOf)),
    (cursor) => pipe(TE.fromEither(readCursor(cursor)), TE.chain(goOn), TE.map(pageOf)),
  );
};

const FIRST_NOTICES = {
  stage: "NOTICE",
  type: "PRIVATE",
  scan: "0",
  queues: [],
  index: 0,
} as const;

/** The notices of groups follow those of private conversations; then comes the next partition. */
const nextNotices = ({ partition, type }: NoticePosition): NoticePosition =>
  type === "PRIVATE"
    ? { ...FIRST_NOTICES, partition, type: "GROUP" }
    : { ...FIRST_NOTICES, partition: partition + 1 };

const pageOf = ({ records, position }: Step): StorePage => {
  const rest = records.slice(MAX_PAGE_RECORDS);
  return {
    records: records.slice(0, MAX_PAGE_RECORDS),
    next: position === null && rest.length === 0 ? O.none : O.some(writeCursor({ rest, position })),
  };
};

/** The servers whose keys together are all, each by its address. */
const nodesOf = (client: Client): ReadonlyMap<string, Redis> =>
  new Map(
    client instanceof Cluster
      ? client.nodes("master").map((node) => [`${node.options.host}:${node.options.port}`, node])
      : [["the server", client]],
  );

const setName = (keys: Keys, stage: RelationPosition["stage"], id: string): string =>
  stage === "FRIENDS" ? keys.friends(id) : keys.members(id);

/** The pattern of SCAN that only this text matches. */
const withoutPattern = (text: string): string => text.replace(/[*?[\]\\]/g, "\\$&");

const relationsOf = (
  keys: Keys,
  stage: RelationPosition["stage"],
  key: string,
  ids: ReadonlyArray<string>,
): E.Either<StoreUnavailable, ReadonlyArray<StoreRecord>> => {
  const owner = key.slice(setName(keys, stage, "").length);
  if (!Id.is(owner) || !ids.every(Id.is)) {
    return E.left(damaged(key));
  }
  return E.right(
    stage === "FRIENDS"
      ? ids
          .filter((friend) => owner < friend)
          .map((friend) => ({ _tag: "FRIENDS", user: owner, friend }))
      : ids.map((user) => ({ _tag: "MEMBER", group: owner, user })),
  );
};

const importedIn = (field: string): string | undefined =>
  field.startsWith(IMPORTED) ? field.slice(IMPORTED.length) : undefined;

/** The pairs of a reply that lists them flat. */
const pairsOf = (flat: ReadonlyArray<string>): ReadonlyArray<readonly [string, string]> =>
  flat.flatMap((one, index) => (index % 2 === 0 ? [[one, flat[index + 1] ?? ""] as const] : []));

/** How many of these, from the first on, make no more than `most` together. */
const countWithin = (sizes: ReadonlyArray<number>, most: number): number => {
  let sum = 0;
  const over = sizes.findIndex((size) => {
    sum += size;
    return sum > most;
  });
  return over === -1 ? sizes.length : over;
};

interface Slice {
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

/**
 * What to read of queues of these lengths, of the first from `index` on, so that it is no more than
 * `most`; how many queues are then read to the end, and how much of the next.
 */
const slicesWithin = (
  lengths: ReadonlyArray<number>,
  index: number,
  most: number,
): { readonly slices: ReadonlyArray<Slice>; readonly count: number; readonly index: number } => {
  const slices: Slice[] = [];
  let left = most;
  for (const [at, length] of lengths.entries()) {
    const from = at === 0 ? index : 0;
    const to = Math.min(length, from + left);
    if (to > from) {
      slices.push({ at, from, to });
      left -= to - from;
    }
    if (to < length) {
      return { slices, count: at, index: to };
    }
  }
  return { slices, count: lengths.length, index: 0 };
};

/**
 * The dead letters of some lists as one, the longest dead first, up to where a list may have more
 * that were not read, and how many are of each list.
 */
const merged = (
  lists: ReadonlyArray<ReadonlyArray<DeadLetter>>,
): { readonly letters: ReadonlyArray<DeadLetter>; readonly taken: ReadonlyArray<number> } => {
  const taken = lists.map(() => 0);
  const letters: DeadLetter[] = [];
  for (;;) {
    let oldest: readonly [number, DeadLetter] | undefined;
    for (const [number, list] of lists.entries()) {
      const letter = list[taken[number] ?? 0];
      if (letter !== undefined && (oldest === undefined || letter.diedAt < oldest[1].diedAt)) {
        oldest = [number, letter];
      }
    }
    if (oldest === undefined) {
      return { letters, taken };
    }
    const [number, letter] = oldest;
    letters.push(letter);
    taken[number] = (taken[number] ?? 0) + 1;
    if (taken[number] === DEAD_LETTERS) {
      return { letters, taken };
    }
  }
};
