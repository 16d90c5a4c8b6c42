import { type Deployment, makeDeployment } from "./deployment.ts";
import type { ServerProcess } from "./program.ts";

/**
 * Plays a scenario on a deployment of its own, and leaves no process behind, however it ends: not
 * even a stopped one, or when an event never comes that it waits for. The deadline is to be below
 * AVA's, who cleans nothing up.
 */
export const play = async <A>(
  deadlineMs: number,
  scenario: (deployment: Deployment) => Promise<A>,
): Promise<A> => {
  const deployment = await makeDeployment();
  const servers: ServerProcess[] = [];
  const start: Deployment["start"] = async (more) => {
    const server = await deployment.start(more);
    servers.push(server);
    return server;
  };
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    const late = (): void => reject(new Error(`it did not end within ${deadlineMs} ms`));
    timer = setTimeout(late, deadlineMs);
  });
  try {
    return await Promise.race([scenario({ ...deployment, start }), deadline]);
  } finally {
    clearTimeout(timer);
    await Promise.all(servers.map(({ end }) => end("SIGKILL")));
    await deployment.close();
  }
};
