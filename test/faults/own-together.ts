/** A program of several processes by node:cluster that all want to own one store. */
import cluster from "node:cluster";
import { once } from "node:events";
import { meetingPlacesOf, tryToOwn } from "../../adapters/lmdb/ownership.ts";

const [dir = "", processes = "0"] = process.argv.slice(2);

if (cluster.isPrimary) {
  const workers = Array.from({ length: Number(processes) }, () => cluster.fork());
  const owned = await Promise.all(
    workers.map(async (worker) => (await once(worker, "message"))[0]),
  );
  process.stdout.write(`${JSON.stringify(owned)}\n`);
  // Only now, so that each has asked while the others were there.
  for (const worker of workers) {
    worker.disconnect();
  }
} else {
  const release = await tryToOwn(await meetingPlacesOf(dir));
  process.send?.(release !== undefined);
}
