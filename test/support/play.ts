import { type Deployment, makeDeployment } from "./deployment.ts";

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
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    const late = (): void => reject(new Error(`it did not end within ${deadlineMs} ms`));
    timer = setTimeout(late, deadlineMs);
  });
  try {
    return await Promise.race([scenario(deployment), deadline]);
  } finally {
    clearTimeout(timer);
    await deployment.close();
  }
};
