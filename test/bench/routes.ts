/** Each route on the embedded store, against bare hapi answering the same bytes. */
import { runProgram } from "../support/program.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import {
  compare,
  type Load,
  median,
  print,
  ROUNDS,
  residentMegabytes,
  startBare,
  startQuietly,
} from "./measure.ts";

const CONVERSATION = { conversationType: 1, targetId: "2" };

export const GET_STATUS: Load = {
  method: "POST",
  path: "/misc/get_screen_capture",
  body: JSON.stringify(CONVERSATION),
};
export const SET_STATUS: Load = {
  method: "POST",
  path: "/misc/set_screen_capture",
  body: JSON.stringify({ ...CONVERSATION, noticeStatus: 1 }),
};

const LOADS: ReadonlyArray<Load> = [
  { method: "GET", path: "/misc/latest_update?version=1.0.0" },
  { method: "GET", path: "/misc/mobile_version" },
  { method: "GET", path: "/misc/client_version" },
  { method: "GET", path: "/misc/demo_square" },
  {
    method: "POST",
    path: "/misc/send_message",
    body: JSON.stringify({
      conversationType: "PRIVATE",
      targetId: "2",
      objectName: "RC:TxtMsg",
      content: "hello",
    }),
  },
  SET_STATUS,
  GET_STATUS,
  { method: "POST", path: "/misc/send_sc_msg", body: JSON.stringify(CONVERSATION) },
];

/** Makes users 1 and 2 friends on a server that is configured so, and user 1 a session. */
export const signIn = async (
  variables: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> => {
  await runProgram(["friends", "add", "1", "2"], variables);
  const token = (await runProgram(["token", "--user", "1"], variables)).stdout.trim();
  return { authorization: `Bearer ${token}`, "content-type": "application/json" };
};

export const benchRoutes = async (): Promise<void> => {
  const { dir, remove } = await makeTempDir();
  const variables = { DATA_DIR: dir, RATE_LIMIT: "0", MESSAGE_GATEWAY: "log" };
  const headers = await signIn(variables);

  const startUps: number[] = [];
  const idle: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const began = performance.now();
    const server = await startQuietly(variables);
    startUps.push(performance.now() - began);
    idle.push(await residentMegabytes(server.pid));
    await server.end();
  }

  const ours = await startQuietly(variables);
  const bare = await startBare(ours, headers, LOADS);
  print("| route | of bare hapi | requests/s | bare hapi |");
  print("|---|---|---|---|");
  await compare(ours, bare, headers, LOADS);
  print("");
  print(`Start-up to the first answer: ${median(startUps).toFixed(0)} ms.`);
  print(`Resident memory after the first answer: ${median(idle).toFixed(0)} MB.`);
  print("");
  await bare.end();
  await ours.end();
  await remove();
};
