import { makeFetchHandler } from "../../../adapters/fetch/mod.ts";
import { httpContract } from "../../contract/http.ts";
import { makeWorld } from "../../contract/world.ts";
import { type Case, casesOf } from "../cases.ts";

/** The fetch face of a deployment. */
export type Handle = (request: Request) => Promise<Response>;

/** Where a runtime's server serves a face. */
export interface Listening {
  readonly url: string;
  readonly close: () => Promise<void>;
}

const OPERATIONS = {
  metrics: { contentType: "text/plain; version=0.0.4", read: async () => "# HELP a A.\n" },
  openApi: async () => '{"openapi":"3.1.0"}',
};

/** The fetch face as the subject of the contract of HTTP. */
export const fetchCases: ReadonlyArray<Case> = casesOf("fetch", httpContract, async () => {
  const world = await makeWorld();
  const handle = makeFetchHandler({ ...world, operations: OPERATIONS });
  return {
    subject: {
      ...world,
      send: (path, init) => handle(new Request(new URL(path, "http://localhost"), init)),
    },
    close: async () => {},
  };
});

/** The same on a socket, behind a server of the runtime. */
export const servedCases = (
  server: string,
  listen: (handle: Handle) => Promise<Listening>,
): ReadonlyArray<Case> =>
  casesOf(`fetch behind ${server}`, httpContract, async () => {
    const world = await makeWorld();
    const { url, close } = await listen(makeFetchHandler({ ...world, operations: OPERATIONS }));
    return { subject: { ...world, send: (path, init) => fetch(`${url}${path}`, init) }, close };
  });
