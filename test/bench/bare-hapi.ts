/**
 * A bare hapi server that answers what it is told, byte for byte, after one command to Redis if it is
 * told so: what the bench measures against.
 */
import Hapi from "@hapi/hapi";
import { Redis } from "ioredis";

interface Canned {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly status: number;
  readonly body: string;
  readonly command?: readonly [string, ...string[]];
}

const answers: ReadonlyArray<Canned> = JSON.parse(process.env.ANSWERS ?? "[]");
const redis = new Redis(process.env.REDIS_URL ?? "", { lazyConnect: true });
const server = Hapi.server({ host: "127.0.0.1", port: 0 });
server.route(
  answers.map(({ method, path, status, body, command }) => ({
    method,
    path,
    handler: async (_, toolkit) => {
      if (command !== undefined) {
        const [name, ...args] = command;
        await redis.call(name, ...args);
      }
      return toolkit.response(body).code(status).type("application/json");
    },
  })),
);
await server.start();
process.stdout.write(`${server.info.uri}\n`);
