import { once } from "node:events";
import { Redis } from "ioredis";
import { freePort, startRedisServer } from "./redis-server.ts";
import { makeTempDir } from "./temp-dir.ts";
import { until } from "./until.ts";

/** A server of a Cluster, and a connection to it that is the test's. */
export interface ClusterNode {
  readonly port: number;
  readonly busPort: number;
  readonly id: string;
  readonly admin: Redis;
  readonly signal: (signal: NodeJS.Signals) => void;
}

/** A real Cluster on free ports of this machine: three primaries, each with a replica or none. */
export interface RedisCluster {
  /** Some of the servers: whoever knows them finds the others. */
  readonly urls: ReadonlyArray<string>;
  /** The primary that has a key's slot. */
  readonly primaryOf: (key: string) => Promise<ClusterNode>;
  /** Kills a server (SIGKILL) and waits until its replica has taken over. */
  readonly failOver: (node: ClusterNode) => Promise<void>;
  /** Starts a killed server again, and waits until it is a replica that has everything. */
  readonly restart: (node: ClusterNode) => Promise<void>;
  readonly replicaOf: (node: ClusterNode) => Promise<ClusterNode>;
  /** Moves the slot of a key from its primary to another, key by key; `halfway` after the first. */
  readonly migrate: (
    key: string,
    halfway?: (from: ClusterNode, to: ClusterNode) => Promise<void>,
  ) => Promise<void>;
  readonly close: () => Promise<void>;
}

const SLOTS = 16_384;
const PRIMARIES = 3;
const NODE_TIMEOUT_MS = 1_000;

interface Process extends ClusterNode {
  readonly url: string;
  readonly start: () => Promise<void>;
  readonly kill: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** How servers speak TLS, beside the plain port that is the test's. */
export interface ClusterTls {
  /** What they call themselves: the certificate's host. */
  readonly host: string;
  readonly certFile: string;
  readonly keyFile: string;
}

const tlsOptions = (tlsPort: number, { host, certFile, keyFile }: ClusterTls) => [
  ...["--tls-port", String(tlsPort), "--tls-cert-file", certFile, "--tls-key-file", keyFile],
  ...["--tls-ca-cert-file", certFile, "--tls-auth-clients", "no", "--tls-cluster", "yes"],
  ...["--cluster-announce-hostname", host, "--cluster-preferred-endpoint-type", "hostname"],
];

const startNode = async (tls: ClusterTls | undefined): Promise<Process> => {
  const { dir, remove } = await makeTempDir();
  const port = await freePort();
  const busPort = await freePort();
  const tlsPort = await freePort();
  const start = () =>
    startRedisServer(
      ...["--port", String(port), "--dir", dir, "--appendonly", "yes", "--appendfsync", "always"],
      ...["--cluster-enabled", "yes", "--cluster-port", String(busPort)],
      ...["--cluster-announce-ip", "127.0.0.1"],
      ...["--cluster-node-timeout", String(NODE_TIMEOUT_MS)],
      // A replica of a test may never be too far behind to take over.
      ...["--cluster-replica-validity-factor", "0"],
      ...["--repl-diskless-sync-delay", "0"],
      ...(tls === undefined ? [] : tlsOptions(tlsPort, tls)),
    );
  let server = await start();
  const admin = new Redis({ host: "127.0.0.1", port });
  admin.on("error", () => {});
  return {
    port,
    busPort,
    url: tls === undefined ? `redis://127.0.0.1:${port}` : `rediss://${tls.host}:${tlsPort}`,
    admin,
    id: String(await admin.cluster("MYID")),
    start: async () => {
      server = await start();
    },
    signal: (signal) => server.signal(signal),
    kill: () => server.close(),
    close: async () => {
      admin.disconnect();
      await server.close();
      await remove();
    },
  };
};

const infoHas = async ({ admin }: ClusterNode, ...lines: ReadonlyArray<string>) => {
  const info = `${await admin.info("replication")}\r\n${await admin.call("CLUSTER", "INFO")}`;
  return lines.every((line) => info.includes(line));
};

/** Which primaries have which slots, as this server knows. */
const ownersAt = async (admin: Redis) =>
  (await admin.cluster("SLOTS")).map(([from, to, primary]) => ({
    from,
    to,
    id: String(primary?.[2]),
  }));

const inSync = (node: ClusterNode): Promise<boolean> =>
  infoHas(node, "role:slave", "master_link_status:up", "cluster_state:ok");

/** Makes a Cluster of servers that know nothing of each other: primaries first, replicas last. */
const join = async (nodes: ReadonlyArray<ClusterNode>, count: number): Promise<void> => {
  const [first] = nodes;
  if (first === undefined || nodes.length < count) {
    throw new Error("not every server of the Cluster started");
  }
  const primaries = nodes.slice(0, PRIMARIES);
  const replicas = nodes.slice(PRIMARIES);
  const start = (index: number) => Math.ceil((index * SLOTS) / PRIMARIES);
  for (const [index, { admin }] of primaries.entries()) {
    await admin.call("CLUSTER", "ADDSLOTSRANGE", start(index), start(index + 1) - 1);
  }
  // Whoever has an epoch of its own need not be given one in a collision.
  for (const [index, { admin, port, busPort }] of nodes.entries()) {
    await admin.call("CLUSTER", "SET-CONFIG-EPOCH", index + 1);
    await first.admin.call("CLUSTER", "MEET", "127.0.0.1", port, busPort);
  }
  for (const node of nodes) {
    await until("all have met", () => infoHas(node, `cluster_known_nodes:${nodes.length}`));
  }
  for (const [index, { admin }] of replicas.entries()) {
    await admin.cluster("REPLICATE", primaries[index]?.id ?? "");
  }
  for (const node of replicas) {
    await until("the replicas have everything", () => inSync(node));
  }
  const online = replicas.length === 0 ? [] : ["state=online"];
  for (const node of primaries) {
    await until("the Cluster is up", () => infoHas(node, "cluster_state:ok", ...online));
  }
};

/** Starts a {@link RedisCluster}. */
export const startRedisCluster = async ({
  replicated = true,
  tls,
}: {
  readonly replicated?: boolean;
  readonly tls?: ClusterTls;
} = {}): Promise<RedisCluster> => {
  const count = replicated ? 2 * PRIMARIES : PRIMARIES;
  const started = await Promise.allSettled(Array.from({ length: count }, () => startNode(tls)));
  const nodes = started.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const close = async () => {
    await Promise.all(nodes.map((node) => node.close()));
  };

  const nodeOf = (id: string | undefined): Process => {
    const found = nodes.find((node) => node.id === id);
    if (found === undefined) {
      throw new Error(`no server ${id}`);
    }
    return found;
  };

  const primaries = async (): Promise<ReadonlyArray<Process>> => {
    const found = await Promise.all(
      nodes.map(async (node) =>
        node.admin.status === "ready" && (await infoHas(node, "role:master")) ? [node] : [],
      ),
    );
    return found.flat();
  };

  const ownerOf = async (slot: number): Promise<Process> => {
    for (const { admin } of await primaries()) {
      const owners = await ownersAt(admin);
      const owner = owners.find(({ from, to }) => from <= slot && slot <= to);
      if (owner !== undefined) {
        return nodeOf(owner.id);
      }
    }
    throw new Error(`slot ${slot} has no primary`);
  };

  const slotOf = (key: string) => nodeOf(nodes[0]?.id).admin.cluster("KEYSLOT", key);

  const migrate: RedisCluster["migrate"] = async (key, halfway = async () => {}) => {
    const slot = await slotOf(key);
    const from = await ownerOf(slot);
    const to = (await primaries()).find(({ id }) => id !== from.id);
    if (to === undefined) {
      throw new Error("there is no other primary");
    }
    await to.admin.cluster("SETSLOT", slot, "IMPORTING", from.id);
    await from.admin.cluster("SETSLOT", slot, "MIGRATING", to.id);
    for (let stopped = false; ; ) {
      const [next] = await from.admin.cluster("GETKEYSINSLOT", slot, 1);
      if (next === undefined) {
        break;
      }
      await from.admin.migrate("127.0.0.1", to.port, next, 0, 5_000);
      if (!stopped) {
        stopped = true;
        await halfway(from, to);
      }
    }
    // First whoever gets the slot: with the other order nobody has it for a moment.
    await to.admin.cluster("SETSLOT", slot, "NODE", to.id);
    for (const { admin } of await primaries()) {
      await admin.cluster("SETSLOT", slot, "NODE", to.id);
    }
  };

  try {
    await join(nodes, count);
  } catch (fault) {
    await close();
    throw fault;
  }

  return {
    urls: nodes.slice(0, PRIMARIES).map(({ url }) => url),
    primaryOf: async (key) => ownerOf(await slotOf(key)),
    replicaOf: async ({ admin, id }) => {
      const [replica] = [await admin.call("CLUSTER", "REPLICAS", id)].flat();
      return nodeOf(String(replica).split(" ")[0]);
    },
    failOver: async ({ id }) => {
      const node = nodeOf(id);
      await node.kill();
      for (const other of nodes.filter((one) => one.id !== id)) {
        await until("a replica has taken over", async () => {
          const owners = await ownersAt(other.admin);
          return (
            owners.every((owner) => owner.id !== id) && (await infoHas(other, "cluster_state:ok"))
          );
        });
      }
    },
    restart: async ({ id }) => {
      const node = nodeOf(id);
      await node.start();
      if (node.admin.status !== "ready") {
        await once(node.admin, "ready");
      }
      await until("the server is a replica again", () => inSync(node));
    },
    migrate,
    close,
  };
};
