import { servedCases } from "../../support/subjects/fetch.ts";
import { startHosted } from "../hosted.ts";
import { portableCases } from "../portable.ts";

const served = servedCases("Deno.serve", (handle) => {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handle);
  return Promise.resolve({
    url: `http://127.0.0.1:${server.addr.port}`,
    close: () => server.shutdown(),
  });
});

const hosted = await startHosted();
Deno.test.afterAll(hosted.close);

for (const { title, run } of [...portableCases, ...served, ...hosted.cases]) {
  Deno.test({ name: title, fn: run, sanitizeOps: false, sanitizeResources: false });
}
