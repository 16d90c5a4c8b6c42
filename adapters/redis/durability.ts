import { pipe } from "fp-ts/lib/function.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import { Cluster, type Redis } from "ioredis";
import type { StoreUnavailable } from "../../core/domain/errors.ts";
import type { Client } from "./client.ts";
import type { Connection } from "./connection.ts";

/** How the servers' own settings can lose what was acknowledged, one sentence for each. */
export const durabilityRisks = (
  { ask }: Connection,
  minReplicas: number,
): TE.TaskEither<StoreUnavailable, ReadonlyArray<string>> =>
  pipe(
    ask((client) => Promise.all(primariesOf(client).map((node) => risksOf(node, minReplicas)))),
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
  const { appendonly, appendfsync, "maxmemory-policy": policy, maxmemory } = settings;
  return [
    ...(appendonly === "yes" ? [] : ["appendonly is off: a restart of Redis loses everything"]),
    ...(appendonly !== "yes" || appendfsync === "always"
      ? []
      : [`appendfsync is ${appendfsync}: a power failure loses the last second or more`]),
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

/** What CONFIG GET shows; nothing where a provider forbids it. */
const settingsOf = async (node: Redis): Promise<Readonly<Record<string, string>> | undefined> => {
  try {
    const answers = await Promise.all(
      ["appendonly", "appendfsync", "maxmemory", "maxmemory-policy"].map((name) =>
        node.config("GET", name),
      ),
    );
    return Object.fromEntries(answers.flatMap(pairOf));
  } catch {
    return undefined;
  }
};

const pairOf = (answer: unknown): ReadonlyArray<readonly [string, string]> =>
  Array.isArray(answer) && answer.length === 2 ? [[String(answer[0]), String(answer[1])]] : [];
