import * as t from "io-ts";
import { Redis } from "ioredis";
import { type StoreUnavailable, storeUnavailable } from "../../core/mod.ts";
import { absenceOf, reasonOf } from "./absence.ts";
import type { Client } from "./client.ts";

/**
 * Says what failed; where a client is not connected, why; and where a key is not of its type, which
 * command on which key: never values.
 */
export const unavailableOn =
  (client: Client) =>
  (fault: unknown): StoreUnavailable => {
    const reason = reasonOf(fault);
    if (NOT_CONNECTED.test(reason)) {
      const why = absenceOf(client);
      return storeUnavailable(why === undefined ? "not connected" : `not connected: ${why}`);
    }
    if (LOST.test(reason)) {
      return storeUnavailable("the connection was lost before the answer");
    }
    if (reason.startsWith("MOVED ") && client instanceof Redis) {
      return storeUnavailable(
        `${reason}: the server is one of a Cluster, of which REDIS_URL is to list several`,
      );
    }
    return storeUnavailable(
      reason.startsWith("WRONGTYPE") && Failed.is(fault)
        ? `${fault.command.name} ${fault.command.args[0]}: ${reason}`
        : reason,
    );
  };

const NOT_CONNECTED =
  /^(Stream isn't writeable|Cluster isn't ready|Connection is closed|Failed to refresh slots cache)/;

const LOST = /^Reached the max retries per request limit/;

/** What a reply that is an error belongs to. Of what a key is asked, the key comes first. */
const Failed = t.type({ command: t.type({ name: t.string, args: t.array(t.unknown) }) });
