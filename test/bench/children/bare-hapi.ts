/**
 * Hapi alone: it answers what it is told, byte for byte, after one command to Redis if it is told
 * where that is.
 */
import Hapi from "@hapi/hapi";
import { Redis } from "ioredis";
import type { Answer } from "../answers.ts";

const answers: ReadonlyArray<Answer> = JSON.parse(process.env.ANSWERS ?? "[]");
const { REDIS_URL = "" } = process.env;
const redis = REDIS_URL === "" ? undefined : new Redis(REDIS_URL);
const server = Hapi.server({
  host: "127.0.0.1",
  port: 0,
  // Ours offers no parts of an answer, and says nothing of them.
  routes: { response: { ranges: false } },
});
server.route(
  answers.map(({ method, path, status, body, headers, command }) => {
    const fields = Object.entries(headers).filter(([name]) => name !== "content-length");
    return {
      method,
      path,
      handler: async (_, toolkit) => {
        if (redis !== undefined && command !== undefined) {
          const [name, ...args] = command;
          await redis.call(name, ...args);
        }
        const response = toolkit.response(body).code(status);
        for (const [name, value] of fields) {
          response.header(name, value);
        }
        return response;
      },
    };
  }),
);
await server.start();
process.stdout.write(`${server.info.uri}\n`);
