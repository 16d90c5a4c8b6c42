import { once } from "node:events";
import { serve } from "@hono/node-server";
import { type Listening, servedCases } from "../../support/subjects/fetch.ts";
import { startHosted } from "../hosted.ts";
import { portableCases } from "../portable.ts";
import { reportOn } from "../tap.ts";

const served = servedCases("@hono/node-server", async (handle): Promise<Listening> => {
  const server = serve({ fetch: handle, hostname: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`,
    close: async () => {
      server.close();
      await once(server, "close");
    },
  };
});

const hosted = await startHosted();
process.stdout.write(await reportOn([...portableCases, ...served, ...hosted.cases]));
await hosted.close();
