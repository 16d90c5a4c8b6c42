import { servedCases } from "../../support/subjects/fetch.ts";
import { startHosted } from "../hosted.ts";
import { portableCases } from "../portable.ts";
import { reportOn } from "../tap.ts";

/** As much of Bun as is used. */
declare const Bun: {
  readonly serve: (options: {
    readonly hostname: string;
    readonly port: number;
    readonly fetch: (request: Request) => Promise<Response>;
  }) => { readonly port: number; readonly stop: (now: boolean) => Promise<void> };
};

const served = servedCases("Bun.serve", async (fetch) => {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch });
  return { url: `http://127.0.0.1:${server.port}`, close: () => server.stop(true) };
});

const hosted = await startHosted();
process.stdout.write(await reportOn([...portableCases, ...served, ...hosted.cases]));
await hosted.close();
