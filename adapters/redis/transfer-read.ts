import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as RA from "fp-ts/lib/ReadonlyArray.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { Cluster, type Redis } from "ioredis";
import {
  CONVERSATION_TYPES,
  type ConversationKey,
  Id,
  MAX_BATCH_RECORDS,
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

type Attempted<A> = E.Either<StoreUnavailable, A>;

/** Part of a value of many elements, and the cursor of the next part. */
type Part<A> = readonly [next: string, elements: A];

/** Reads one part of a value, from a cursor on. */
type ReadPart<A> = (cursor: string) => TE.TaskEither<StoreUnavailable, Part<A>>;

type Records = ReadonlyArray<StoreRecord>;

// Redis begins and ends a scan with this cursor.
const END = "0";

// How many values have their first parts read in parallel.
const MAX_PARALLEL = 100;

/** Reads a whole store: the sets of relationships on each node, then partition by partition. */
export const makeRead = ({ ask, client }: Connection, keys: Keys): StoreTransfer["read"] => {
  async function* relations(
    setOf: (id: string) => string,
    recordOf: (owner: Id, member: Id) => Records,
  ) {
    const nodes = nodesOf(client);
    if (nodes.length === 0) {
      yield E.left(storeUnavailable("not connected"));
    }
    for (const node of nodes) {
      yield* inEach(
        (cursor) => ask(() => node.scan(cursor, "MATCH", `${literally(setOf(""))}*`, "COUNT", 500)),
        (key) => (cursor) =>
          pipe(
            ask((client) => client.sscan(key, cursor, "COUNT", MAX_BATCH_RECORDS)),
            TE.chainEitherK(([next, members]) => {
              const owner = key.slice(setOf("").length);
              return Id.is(owner) && members.every(Id.is)
                ? E.right([next, members.flatMap((member) => recordOf(owner, member))])
                : damaged(key);
            }),
          ),
      );
    }
  }

  async function* statuses({ statuses: key }: PartitionKeys) {
    for await (const fields of scanned((cursor) =>
      ask((client) => client.hscan(key, cursor, "COUNT", MAX_BATCH_RECORDS)),
    )) {
      yield await pipe(
        TE.fromEither(fields),
        TE.chain((flat) => readStatuses(key, pairsOf(flat))),
      )();
    }
  }

  /** Drops imported statuses that were set later; HSCAN may return the two in different calls. */
  const readStatuses = (key: string, fields: ReadonlyArray<readonly [string, string]>) => {
    const imported = fields.flatMap(([field]) => importedIn(field) ?? []);
    return pipe(
      imported.length === 0 ? TE.right([]) : ask((client) => client.hmget(key, ...imported)),
      TE.map((set) => new Set(imported.filter((_, index) => typeof set[index] === "string"))),
      TE.chainEitherK((replaced) =>
        pipe(
          fields.filter(([field]) => !replaced.has(importedIn(field) ?? "")),
          E.traverseArray(([field, value]) =>
            pipe(
              STATUS.read(key, value),
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

  async function* notices(partition: PartitionKeys) {
    for (const type of CONVERSATION_TYPES) {
      const due = partition.due(type);
      yield* inEach(
        (cursor) =>
          pipe(
            ask((client) => client.zscan(due, cursor, "COUNT", 500)),
            TE.chainEitherK(([next, flat]) => {
              const queues = pairsOf(flat);
              return queues.every(([, dueAt]) => Number.isFinite(Number(dueAt)))
                ? E.right([next, queues])
                : damaged(due);
            }),
          ),
        ([conversation, dueAt]) =>
          (cursor) =>
            readQueue(partition, conversation, Number(dueAt), Number(cursor)),
      );
    }
  }

  const readQueue = (
    partition: PartitionKeys,
    conversation: ConversationKey,
    dueAt: number,
    from: number,
  ): TE.TaskEither<StoreUnavailable, Part<Records>> => {
    const [queue, state] = [partition.queue(conversation), partition.state(conversation)];
    return pipe(
      TE.Do,
      TE.apS(
        "entries",
        ask((client) => client.lrange(queue, from, from + MAX_BATCH_RECORDS - 1)),
      ),
      TE.apS(
        "head",
        ask((client) => client.hmget(state, "tries", "reason")),
      ),
      TE.chainEitherK(({ entries, head: [tries, reason] }) => {
        if (!Number.isInteger(Number(tries ?? 0))) {
          return damaged(state);
        }
        return pipe(
          entries,
          E.traverseArrayWithIndex((index, text) =>
            pipe(
              ENTRY.read(queue, NUMBERED.exec(text)?.[1] ?? ""),
              E.map(({ notice, attempts, storedAt }): StoreRecord => {
                const isHead = from + index === 0;
                return {
                  ...{ _tag: "NOTICE", conversation, notice, storedAt, dueAt },
                  attempts: attempts + (isHead ? Number(tries ?? 0) : 0),
                  ...(isHead && typeof reason === "string" ? { reason } : {}),
                };
              }),
            ),
          ),
          E.map((records) => [nextWindow(from, entries), records]),
        );
      }),
    );
  };

  async function* deadLetters({ dead }: PartitionKeys) {
    yield* scanned((cursor) =>
      pipe(
        ask((client) =>
          client.lrange(dead, Number(cursor), Number(cursor) + MAX_BATCH_RECORDS - 1),
        ),
        TE.chainEitherK((texts) =>
          pipe(
            texts,
            E.traverseArray((text) => DEAD.read(dead, text)),
            E.map((letters) => [
              nextWindow(Number(cursor), texts),
              letters.map((letter): StoreRecord => ({ _tag: "DEAD_LETTER", letter })),
            ]),
          ),
        ),
      ),
    );
  }

  async function* all(): AsyncGenerator<Attempted<Records>> {
    yield* relations(keys.friends, (user, friend) =>
      user < friend ? [{ _tag: "FRIENDS", user, friend }] : [],
    );
    yield* relations(keys.members, (group, user) => [{ _tag: "MEMBER", group, user }]);
    for (const section of [statuses, notices, deadLetters]) {
      for (const partition of keys.partitions) {
        yield* section(partition);
      }
    }
  }

  return async function* () {
    for await (const page of all()) {
      yield page;
      if (E.isLeft(page)) {
        return;
      }
    }
  };
};

/** Reads a value part by part. */
async function* scanned<A>(read: ReadPart<A>, from = END): AsyncGenerator<Attempted<A>> {
  let cursor = from;
  do {
    const part = await read(cursor)();
    cursor = E.isRight(part) ? part.right[0] : END;
    yield E.map(([, elements]: Part<A>) => elements)(part);
  } while (cursor !== END);
}

/** Reads the values that a scan finds: the first parts in parallel, then the rest of each value. */
async function* inEach<Key>(
  find: ReadPart<ReadonlyArray<Key>>,
  readOf: (key: Key) => ReadPart<Records>,
): AsyncGenerator<Attempted<Records>> {
  for await (const found of scanned(find)) {
    if (E.isLeft(found)) {
      yield found;
      return;
    }
    for (const some of RA.chunksOf(MAX_PARALLEL)(found.right)) {
      const reads = some.map(readOf);
      const firsts = await Promise.all(reads.map((read) => read(END)()));
      for (const [index, first] of firsts.entries()) {
        yield E.map(([, records]: Part<Records>) => records)(first);
        const read = reads[index];
        if (E.isRight(first) && first.right[0] !== END && read !== undefined) {
          yield* scanned(read, first.right[0]);
        }
      }
    }
  }
}

/** Returns the cursor of the next window of a list. */
const nextWindow = (from: number, { length }: ReadonlyArray<string>): string =>
  length < MAX_BATCH_RECORDS ? END : String(from + length);

/** Returns the nodes that together hold all keys. */
const nodesOf = (client: Client): ReadonlyArray<Redis> =>
  client instanceof Cluster ? client.nodes("master") : [client];

const damaged = (key: string): E.Either<StoreUnavailable, never> =>
  E.left(storeUnavailable(`a value in ${key} is damaged or not ours`));

/** Escapes a text for a pattern of SCAN. */
const literally = (text: string): string => text.replace(/[*?[\]\\]/g, "\\$&");

const importedIn = (field: string): ConversationKey | undefined =>
  field.startsWith(IMPORTED) ? field.slice(IMPORTED.length) : undefined;

/** Groups a flat reply into pairs. */
const pairsOf = (flat: ReadonlyArray<string>): ReadonlyArray<readonly [string, string]> =>
  flat.flatMap((one, index) => (index % 2 === 0 ? [[one, flat[index + 1] ?? ""] as const] : []));
