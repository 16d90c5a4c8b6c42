import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { freePort, startRedisServer } from "./redis-server.ts";
import { makeTempDir } from "./temp-dir.ts";
import { until } from "./until.ts";

/** A primary with two replicas, and three Sentinels that watch them. */
export interface RedisSentinel {
  /** The Sentinels. */
  readonly urls: ReadonlyArray<string>;
  /** The name by which they know the primary. */
  readonly name: string;
  /** Kills the primary (SIGKILL), and waits until the Sentinels have another that has a replica. */
  readonly failOver: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const NAME = "sealtalk";
const REPLICAS = 2;
const SENTINELS = 3;

interface Started {
  readonly port: number;
  readonly admin: Redis;
  readonly kill: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** What is asked of who connects; the passwords are other ones. */
export interface SentinelPasswords {
  readonly primary: string;
  readonly sentinels: string;
}

const connectTo = (port: number, password: string | undefined): Redis => {
  const admin = new Redis({
    host: "127.0.0.1",
    port,
    ...(password === undefined ? {} : { password }),
  });
  admin.on("error", () => {});
  return admin;
};

const startData = async (
  password: string | undefined,
  ...options: ReadonlyArray<string>
): Promise<Started> => {
  const server = await startRedisServer(
    ...(password === undefined ? [] : ["--requirepass", password, "--masterauth", password]),
    ...["--appendonly", "yes", "--appendfsync", "always", "--repl-diskless-sync-delay", "0"],
    ...options,
  );
  const admin = connectTo(server.port, password);
  return {
    port: server.port,
    admin,
    kill: server.close,
    close: async () => {
      admin.disconnect();
      await server.close();
    },
  };
};

const startSentinel = async (
  primary: number,
  passwords: SentinelPasswords | undefined,
): Promise<Started> => {
  const { dir, remove } = await makeTempDir();
  const port = await freePort();
  const file = join(dir, "sentinel.conf");
  const settings = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${dir}`,
    `sentinel monitor ${NAME} 127.0.0.1 ${primary} 2`,
    `sentinel down-after-milliseconds ${NAME} 500`,
    `sentinel failover-timeout ${NAME} 2000`,
    ...(passwords === undefined
      ? []
      : [
          `sentinel auth-pass ${NAME} ${passwords.primary}`,
          `sentinel sentinel-pass ${passwords.sentinels}`,
          `requirepass ${passwords.sentinels}`,
        ]),
  ];
  await writeFile(file, settings.join("\n"));
  const child = spawn("redis-server", [file, "--sentinel"], { stdio: "ignore" });
  const ended = once(child, "close");
  const admin = connectTo(port, passwords?.sentinels);
  const kill = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  return {
    port,
    admin,
    kill,
    close: async () => {
      admin.disconnect();
      await kill();
      await remove();
    },
  };
};

const hasReplicas = async (admin: Redis, count: number): Promise<boolean> => {
  const info = await admin.info("replication");
  return info.includes("role:master") && (info.match(/state=online/g)?.length ?? 0) >= count;
};

/** Starts a {@link RedisSentinel}. */
export const startRedisSentinel = async (passwords?: SentinelPasswords): Promise<RedisSentinel> => {
  const all: Started[] = [];
  const close = async () => {
    await Promise.all(all.map((one) => one.close()));
  };
  const started = async (starting: Promise<Started>): Promise<Started> => {
    const one = await starting;
    all.push(one);
    return one;
  };

  try {
    const primary = await started(startData(passwords?.primary));
    const data = [primary];
    for (let count = 0; count < REPLICAS; count += 1) {
      const following = ["--replicaof", "127.0.0.1", String(primary.port)];
      data.push(await started(startData(passwords?.primary, ...following)));
    }
    await until("the replicas are online", () => hasReplicas(primary.admin, REPLICAS));
    const sentinels: Started[] = [];
    for (let count = 0; count < SENTINELS; count += 1) {
      sentinels.push(await started(startSentinel(primary.port, passwords)));
    }
    for (const { admin } of sentinels) {
      await until("the Sentinels know everyone", async () =>
        (await admin.info("sentinel")).includes(`slaves=${REPLICAS},sentinels=${SENTINELS}`),
      );
    }

    /** Where this Sentinel says that the primary is. */
    const primaryOf = async ({ admin }: Started): Promise<Started | undefined> => {
      const address = await admin.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME);
      const [, port] = Array.isArray(address) ? address : [];
      return data.find((one) => String(one.port) === String(port));
    };

    return {
      urls: sentinels.map(({ port }) => `redis://127.0.0.1:${port}`),
      name: NAME,
      failOver: async () => {
        await primary.kill();
        for (const sentinel of sentinels) {
          await until("another is primary, and has a replica", async () => {
            const next = await primaryOf(sentinel);
            return next !== undefined && next !== primary && hasReplicas(next.admin, REPLICAS - 1);
          });
        }
      },
      close,
    };
  } catch (fault) {
    await close();
    throw fault;
  }
};
