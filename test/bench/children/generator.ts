/** Loads a server as it is told, one job after the other, and tells what came of it. */
import type { Job, Loaded } from "../generator.ts";
import { saturate } from "./saturate.ts";
import { steady } from "./steady.ts";

process.on("message", async (job: Job) => {
  const { rate } = job;
  const loaded: Loaded = await (rate === undefined ? saturate(job) : steady({ ...job, rate }));
  process.send?.(loaded);
});
