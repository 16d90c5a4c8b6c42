import type { Config } from "../inversify/mod.ts";

/** The variables of the worker in this seat: of what is for the whole program, its share. */
export const shareOf = (
  { sendConcurrency, gateway }: Pick<Config, "sendConcurrency" | "gateway">,
  seats: number,
  seat: number,
): Readonly<Record<string, string>> => {
  const share = (whole: number): string =>
    String(Math.floor(whole / seats) + (seat < whole % seats ? 1 : 0));
  return {
    SEND_CONCURRENCY: share(sendConcurrency),
    ...(gateway._tag === "RONGCLOUD"
      ? {
          RONGCLOUD_PRIVATE_PER_MINUTE: share(gateway.privatePerMinute),
          RONGCLOUD_GROUP_PER_SECOND: share(gateway.groupPerSecond),
        }
      : {}),
  };
};
