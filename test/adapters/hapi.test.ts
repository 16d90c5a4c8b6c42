import type Hapi from "@hapi/hapi";
import { makeServer, type ServerOptions } from "../../adapters/hapi/mod.ts";
import { makeMetrics } from "../../adapters/metrics/mod.ts";
import { type HttpSubject, httpContract } from "../contract/http.ts";
import { testContract } from "../support/contract.ts";
import { makeWorld, type World } from "../support/world.ts";

const serverOf = async (
  { misc, sessions }: World,
  overrides: Partial<ServerOptions> = {},
): Promise<Hapi.Server> =>
  makeServer({
    misc,
    sessions,
    metrics: makeMetrics(),
    openApi: async () => '{"openapi":"3.1.0"}',
    host: "127.0.0.1",
    port: 0,
    corsOrigins: [],
    ...overrides,
  });

const injected =
  (server: Hapi.Server): HttpSubject["send"] =>
  async (path, init = {}) => {
    const outgoing = new Request(new URL(path, "http://localhost"), init);
    const { statusCode, headers, rawPayload } = await server.inject({
      method: outgoing.method,
      url: path,
      headers: Object.fromEntries(outgoing.headers),
      payload: Buffer.from(await outgoing.arrayBuffer()),
    });
    const body = [204, 304].includes(statusCode) ? null : new Uint8Array(rawPayload);
    const incoming = new Response(body, { status: statusCode });
    for (const [name, value] of Object.entries(headers)) {
      incoming.headers.set(name, String(value));
    }
    return incoming;
  };

testContract("hapi by inject", httpContract, async () => {
  const world = await makeWorld();
  const server = await serverOf(world);
  return { subject: { ...world, send: injected(server) }, close: () => server.stop() };
});

testContract("hapi on a socket", httpContract, async () => {
  const world = await makeWorld();
  const server = await serverOf(world);
  await server.start();
  return {
    subject: { ...world, send: (path, init) => fetch(`${server.info.uri}${path}`, init) },
    close: () => server.stop(),
  };
});
