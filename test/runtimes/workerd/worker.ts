import { portableCases } from "../portable.ts";
import { reportOn } from "../tap.ts";

const worker: { readonly fetch: () => Promise<Response> } = {
  fetch: async () => new Response(await reportOn(portableCases)),
};
export default worker;
