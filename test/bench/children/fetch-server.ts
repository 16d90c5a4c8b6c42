/**
 * The fetch face, or a function that answers the same bytes, behind the server of the runtime that
 * this runs under: Bun.serve, Deno.serve, or @hono/node-server on Node.
 */

import { makeFetchHandler } from "../../../adapters/fetch/mod.ts";
import { openFileVersionSource, sampleReleasesDir } from "../../../adapters/file/mod.ts";
import { makePlainIds } from "../../../adapters/ids/mod.ts";
import { makeMemoryPorts, makeMemoryStore } from "../../../adapters/memory/mod.ts";
import { makeSessions } from "../../../adapters/session/mod.ts";
import { createMisc } from "../../../core/mod.ts";
import { succeed } from "../../contract/expect.ts";
import type { Answer } from "../answers.ts";
import { introduce, secret } from "../requests.ts";

type Handle = (request: Request) => Promise<Response>;

/** As much of Bun as is used. */
declare const Bun: {
  readonly serve: (options: {
    readonly hostname: string;
    readonly port: number;
    readonly fetch: Handle;
  }) => { readonly port: number };
};

/** As much of Deno as is used. */
declare const Deno: {
  readonly serve: (
    options: { readonly hostname: string; readonly port: number; readonly onListen: () => void },
    handle: Handle,
  ) => { readonly addr: { readonly port: number } };
};

const HOSTNAME = "127.0.0.1";

const makeOurs = async (): Promise<Handle> => {
  const { relationships, settings, outbox } = makeMemoryStore();
  await succeed(introduce(relationships));
  const { source } = await succeed(
    openFileVersionSource({ dir: sampleReleasesDir, onReload: () => {} }),
  );
  const ports = { versions: source, relationships, settings, outbox, ids: makePlainIds() };
  return makeFetchHandler({
    misc: createMisc(makeMemoryPorts(ports)),
    sessions: makeSessions({ secret: secret(), cookie: "session" }),
  });
};

const makeBare = (answers: ReadonlyArray<Answer>): Handle => {
  const byPath = new Map(answers.map((answer) => [answer.path, answer]));
  return async (request) => {
    const answer = byPath.get(new URL(request.url).pathname);
    if (answer === undefined || answer.method !== request.method) {
      return new Response(null, { status: 404 });
    }
    if (request.method === "POST") {
      await request.json();
    }
    const { status, headers, body } = answer;
    return new Response(body, { status, headers });
  };
};

const serve = async (handle: Handle): Promise<number> => {
  if (typeof Bun !== "undefined") {
    return Bun.serve({ hostname: HOSTNAME, port: 0, fetch: handle }).port;
  }
  if (typeof Deno !== "undefined") {
    return Deno.serve({ hostname: HOSTNAME, port: 0, onListen: () => {} }, handle).addr.port;
  }
  const { serve } = await import("@hono/node-server");
  return new Promise((resolve) => {
    serve({ hostname: HOSTNAME, port: 0, fetch: handle }, ({ port }) => resolve(port));
  });
};

const { ANSWERS = "" } = process.env;
const port = await serve(ANSWERS === "" ? await makeOurs() : makeBare(JSON.parse(ANSWERS)));
process.stdout.write(`http://${HOSTNAME}:${port}\n`);
