import { makeFetchHandler } from "../../../adapters/fetch/mod.ts";
import { makeWorld } from "../../contract/world.ts";

let handle: ((request: Request) => Promise<Response>) | undefined;

const worker: { readonly fetch: (request: Request) => Promise<Response> } = {
  fetch: async (request) => {
    handle ??= makeFetchHandler(await makeWorld());
    return handle(request);
  },
};
export default worker;
