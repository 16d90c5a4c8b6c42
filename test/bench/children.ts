/**
 * `node children.js KIND`: a server that runs as a process of its own and prints its URL. `node` and
 * `hapi` give fixed answers after they have parsed the JSON of a POST; `fetch` is our fetch handler.
 */
import { createServer } from "node:http";
import Hapi from "@hapi/hapi";
import { getRequestListener } from "@hono/node-server";
import { makeFetchHandler } from "../../adapters/fetch/mod.ts";
import { openFileVersionSource, sampleReleasesDir } from "../../adapters/file/mod.ts";
import { makePlainIds } from "../../adapters/ids/mod.ts";
import { makeMemoryPorts, makeMemoryStore } from "../../adapters/memory/mod.ts";
import { makeSessions } from "../../adapters/session/mod.ts";
import { createMisc } from "../../core/mod.ts";
import { succeed } from "../contract/expect.ts";
import { listen } from "../support/fake-rongcloud.ts";
import type { Answer } from "./bare.ts";
import { enrol, SECRET } from "./loads.ts";

const answers: ReadonlyArray<Answer> = JSON.parse(process.env.ANSWERS ?? "[]");

const KINDS: Readonly<Record<string, () => Promise<{ readonly url: string }>>> = {
  node: () => {
    const byPath = new Map(answers.map((answer) => [answer.path, answer]));
    const server = createServer((request, response) => {
      const [path = ""] = (request.url ?? "").split("?");
      const { status = 404, headers = {}, body = "" } = byPath.get(path) ?? {};
      const chunks: Buffer[] = [];
      request.on("data", (chunk) => chunks.push(chunk));
      request.on("end", () => {
        JSON.parse(String(Buffer.concat(chunks)) || "null");
        response.writeHead(status, headers).end(body);
      });
    });
    return listen(server);
  },
  hapi: async () => {
    // Our server offers no partial answers and has no header for them.
    const routes = { response: { ranges: false } };
    const server = Hapi.server({ host: "127.0.0.1", port: 0, routes });
    for (const { method, path, status, headers, body } of answers) {
      const handler: Hapi.Lifecycle.Method = (_, toolkit) => {
        const response = toolkit.response(body).code(status);
        Object.assign(response.headers, headers);
        return response;
      };
      server.route({ method, path, handler });
    }
    await server.start();
    return { url: server.info.uri };
  },
  /** RongCloud's stub: accepts any message. A GET returns how many it has accepted. */
  rongcloud: () => {
    let accepted = 0;
    const server = createServer((request, response) => {
      accepted += request.method === "GET" ? 0 : 1;
      const body = request.method === "GET" ? String(accepted) : '{"code":200}';
      request.resume().on("end", () => response.end(body));
    });
    return listen(server);
  },
  fetch: async () => {
    const store = makeMemoryStore();
    await succeed(enrol(store.relationships));
    const files = { dir: sampleReleasesDir, onReload: () => {} };
    const { source } = await succeed(openFileVersionSource(files));
    const misc = createMisc(makeMemoryPorts({ ...store, ids: makePlainIds(), versions: source }));
    const sessions = makeSessions({ secret: SECRET, cookie: "session" });
    return listen(createServer(getRequestListener(makeFetchHandler({ misc, sessions }))));
  },
};

const started = await KINDS[process.argv[2] ?? ""]?.();
process.stdout.write(started?.url ?? "");
