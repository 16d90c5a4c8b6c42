/** `npm run bench`: rounds interleaved, medians, ratios first. */
import { CONNECTIONS, print, ROUNDS, SECONDS } from "./measure.ts";
import { benchRedis } from "./redis.ts";
import { benchRoutes } from "./routes.ts";

print(`${ROUNDS} rounds of ${SECONDS} s, ${CONNECTIONS} connections, medians.\n`);
await benchRoutes();
await benchRedis();
