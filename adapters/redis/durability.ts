import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { Cluster, type Redis } from "ioredis";
import type { StoreUnavailable } from "../../core/mod.ts";
import type { Client } from "./client.ts";
import type { Connection } from "./connection.ts";

/** How the servers' own settings, or their time, can lose what was acknowledged, a sentence each. */
export const durabilityRisks = (
  { ask }: Connection,
  { minReplicas, now }: { readonly minReplicas: number; readonly now: () => number },
): TE.TaskEither<StoreUnavailable, ReadonlyArray<string>> =>
  pipe(
    ask((client) =>
      Promise.all(
        primariesOf(client).map(async (node) => [
          ...(await risksOf(node, minReplicas)),
          ...(await clockRisks(node, now)),
        ]),
      ),
    ),
    TE.map((risks) => [...new Set(risks.flat())]),
  );

const primariesOf = (client: Client): ReadonlyArray<Redis> =>
  client instanceof Cluster ? client.nodes("master") : [client];

const risksOf = async (node: Redis, minReplicas: number): Promise<ReadonlyArray<string>> => {
  const settings = await settingsOf(node);
  if (settings === undefined) {
    return ["Redis does not show its settings: see that appendonly is yes and appendfsync always"];
  }
  const replicas = Number(/connected_slaves:(\d+)/.exec(await node.info("replication"))?.[1]);
  const { "maxmemory-policy": policy, maxmemory } = settings;
  return [
    ...fileRisks(settings),
    ...(maxmemory === "0" || policy === "noeviction"
      ? []
      : [`maxmemory-policy is ${policy}: Redis drops what does not fit`]),
    ...(replicas > 0 && minReplicas === 0
      ? ["there are replicas and REDIS_MIN_REPLICAS is 0: a failover loses the last writes"]
      : []),
    ...(replicas >= minReplicas
      ? []
      : [
          `there are ${replicas} replicas and REDIS_MIN_REPLICAS is ${minReplicas}: every set is refused`,
        ]),
  ];
};

const fileRisks = ({
  appendonly,
  appendfsync,
  "no-appendfsync-on-rewrite": notOnRewrite,
  save,
}: Settings): ReadonlyArray<string> => {
  if (appendonly !== "yes") {
    return [
      save === ""
        ? "appendonly is off: a restart of Redis loses everything"
        : "appendonly is off: a crash of Redis loses everything since its last snapshot",
    ];
  }
  if (appendfsync !== "always") {
    return [`appendfsync is ${appendfsync}: a power failure loses the last second or more`];
  }
  return notOnRewrite === "yes"
    ? [
        "no-appendfsync-on-rewrite is yes: a power failure while Redis rewrites its file loses the last writes",
      ]
    : [];
};

type Settings = Readonly<Record<string, string>>;

/** What CONFIG GET shows; nothing where a provider forbids it. */
const settingsOf = async (node: Redis): Promise<Settings | undefined> => {
  try {
    const answers = await Promise.all(SETTINGS.map((name) => node.config("GET", name)));
    return Object.fromEntries(answers.flatMap(pairOf));
  } catch {
    return undefined;
  }
};

const SETTINGS = [
  "appendonly",
  "appendfsync",
  "no-appendfsync-on-rewrite",
  "save",
  "maxmemory",
  "maxmemory-policy",
];

// Processes keep each other's leases and due times by their own clocks.
const MOST_APART_MS = 1_000;

/** Redis's time stands for that of the other processes; nothing where a provider does not tell it. */
const clockRisks = async (node: Redis, now: () => number): Promise<ReadonlyArray<string>> => {
  const asked = now();
  const answer = await node.time().catch(() => undefined);
  const answered = now();
  if (answer === undefined) {
    return [];
  }
  const [seconds, microseconds] = answer.map(Number);
  const there = (seconds ?? 0) * 1_000 + (microseconds ?? 0) / 1_000;
  return there < asked - MOST_APART_MS || there > answered + MOST_APART_MS
    ? ["this clock and that of Redis are more than 1 s apart: notices may come late, or twice"]
    : [];
};

const pairOf = (answer: unknown): ReadonlyArray<readonly [string, string]> =>
  Array.isArray(answer) && answer.length === 2 ? [[String(answer[0]), String(answer[1])]] : [];
