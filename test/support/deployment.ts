import { type FakeRongCloud, startFakeRongCloud } from "./fake-rongcloud.ts";
import { runProgram, type ServerProcess, startServer } from "./program.ts";
import { makeTempDir } from "./temp-dir.ts";

/** The real server as a process, on the embedded store, in front of a fake RongCloud. */
export interface Deployment {
  readonly variables: Readonly<Record<string, string>>;
  readonly rongCloud: FakeRongCloud;
  readonly start: (more?: Readonly<Record<string, string>>) => Promise<ServerProcess>;
  /** Runs a command of the program beside the server, and gives what it prints. */
  readonly command: (...args: ReadonlyArray<string>) => Promise<string>;
  readonly close: () => Promise<void>;
}

const APPLICATION = { appKey: "app-key", appSecret: "app-secret" };

/** Prepares a deployment in which alice and bob are friends, and both are in group g. */
export const makeDeployment = async (): Promise<Deployment> => {
  const { dir, remove } = await makeTempDir();
  const rongCloud = await startFakeRongCloud(APPLICATION);
  const variables = {
    DATA_DIR: dir,
    RONGCLOUD_APP_KEY: APPLICATION.appKey,
    RONGCLOUD_APP_SECRET: APPLICATION.appSecret,
    RONGCLOUD_API: rongCloud.url,
    RATE_LIMIT: "0",
  };
  const command = async (...args: ReadonlyArray<string>): Promise<string> => {
    const { code, stdout, stderr } = await runProgram(args, variables);
    if (code !== 0) {
      throw new Error(`${args.join(" ")} ended with ${code}: ${stderr}`);
    }
    return stdout.trim();
  };
  await command("friends", "add", "alice", "bob");
  await command("members", "add", "g", "alice", "bob");
  return {
    variables,
    rongCloud,
    start: (more = {}) => startServer({ ...variables, ...more }),
    command,
    close: async () => {
      await rongCloud.close();
      await remove();
    },
  };
};

/** Sends JSON to a route of a server, with a session. */
export const postJson = (
  { url }: Pick<ServerProcess, "url">,
  path: string,
  token: string,
  body: unknown,
): Promise<Response> =>
  fetch(`${url}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
