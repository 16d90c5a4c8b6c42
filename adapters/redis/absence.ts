import * as t from "io-ts";
import { Cluster, type Redis } from "ioredis";
import type { Client } from "./client.ts";

const reasons = new WeakMap<Client, string>();

/** Why a client is not connected, if it ever failed to since it last was. */
export const absenceOf = (client: Client): string | undefined => reasons.get(client);

/**
 * Keeps why a client is not connected: its commands fail before they are sent, and say only that.
 * A connection that was refused its database is given up: ioredis goes on with database 0.
 */
export const watch = <C extends Client>(client: C): C => {
  const note = (fault: unknown): void => {
    const reason = reasonOf(fault);
    if (!SAYS_NOTHING.test(reason)) {
      reasons.set(client, reason);
    }
  };
  client.on("error", note);
  client.on("ready", () => reasons.delete(client));
  if (client instanceof Cluster) {
    client.on("node error", note);
    client.on("+node", keepToDatabase);
  } else {
    client.on("sentinelError", note);
    keepToDatabase(client);
  }
  return client;
};

const keepToDatabase = (node: Redis): void => {
  node.on("error", (fault) => {
    if (Selection.is(fault)) {
      node.disconnect(true);
    }
  });
};

/** A reply that is an error, to SELECT. */
const Selection = t.type({ command: t.type({ name: t.literal("select") }) });

// What follows from another error, which is told too.
const SAYS_NOTHING =
  /^$|^Stream isn't writeable|^Connection is closed|^All sentinels are unreachable|^Failed to refresh slots cache/;

/** In one line, and without what was sent: to a command that it does not know, Redis repeats it. */
export const reasonOf = (fault: unknown): string => {
  if (fault instanceof AggregateError && fault.message === "") {
    // Each address of a host was tried.
    return fault.errors.map(reasonOf).join("; ");
  }
  const [message = ""] = (fault instanceof Error ? fault.message : String(fault)).split(
    ", with args",
  );
  return message;
};
