/** RongCloud as the tests have it, as a process: it takes messages, after so many milliseconds. */
import { startFakeRongCloud } from "../../support/fake-rongcloud.ts";

const { APP_KEY = "", APP_SECRET = "", DELAY_MS = "0" } = process.env;
const rongCloud = await startFakeRongCloud({ appKey: APP_KEY, appSecret: APP_SECRET });
if (Number(DELAY_MS) > 0) {
  rongCloud.behave({ delayMs: Number(DELAY_MS) });
}
process.stdout.write(`${rongCloud.url}\n`);
