/** As many requests as a server answers, by autocannon: a connection asks once it was answered. */
import autocannon from "autocannon";
import type { Job, Loaded } from "../generator.ts";
import type { Load } from "../requests.ts";

const SAMPLE_MS = 100;

const requestsOf = ({ method, path, bodies }: Load, headers: Job["headers"]) =>
  bodies.length === 0
    ? [{ method, path }]
    : bodies.map((body) => ({ method, path, headers: { ...headers }, body }));

export const saturate = async ({
  url,
  headers,
  loads,
  connections,
  seconds,
}: Job): Promise<Loaded> => {
  const requests = loads.flatMap((load) => requestsOf(load, headers));
  const share = Math.ceil(requests.length / connections);
  let client = 0;
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    // By default it stops on whole seconds alone.
    sampleInt: SAMPLE_MS,
    // Each connection has its own part of them: with all of them, all ask for the same at once.
    setupClient: (connection) => {
      const from = (client * share) % requests.length;
      connection.setRequests(requests.slice(from, from + share).map((request) => ({ ...request })));
      client += 1;
    },
  });
  const { latency, errors, timeouts, non2xx, mismatches, duration } = result;
  return {
    perSecond: result["2xx"] / duration,
    p50: latency.p50,
    p99: latency.p99,
    p999: latency.p99_9,
    max: latency.max,
    failed: errors + timeouts + non2xx + mismatches,
  };
};
