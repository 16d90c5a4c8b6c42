/**
 * The writer's thread. Its `workerData` has the path of the file. It sends "opened" or a fault
 * once, and a reply to each list of calls; the message "close" closes the file.
 */
import { parentPort, workerData } from "node:worker_threads";
import { makeCommitter } from "./committer.ts";
import { explain, loadDriver } from "./driver.ts";

const { path }: { readonly path: string } = workerData;

try {
  const committer = makeCommitter(await loadDriver(), path);
  parentPort?.on("message", (message) => {
    if (message === "close") {
      committer.close();
      parentPort?.postMessage("closed");
    } else {
      parentPort?.postMessage(committer.commit(message));
    }
  });
  parentPort?.postMessage("opened");
} catch (fault) {
  parentPort?.postMessage({ fault: explain(path, fault) });
}
