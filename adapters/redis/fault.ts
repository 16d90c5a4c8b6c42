import * as t from "io-ts";
import { type StoreUnavailable, storeUnavailable } from "../../core/domain/errors.ts";

/** Says what failed and, where a key is not of its type, which command on which key: never values. */
export const unavailable = (fault: unknown): StoreUnavailable => {
  if (!(fault instanceof Error)) {
    return storeUnavailable(String(fault));
  }
  // To a command that it does not know, Redis answers with what it was given.
  const [message = ""] = fault.message.split(", with args");
  return storeUnavailable(
    message.startsWith("WRONGTYPE") && Failed.is(fault)
      ? `${fault.command.name} ${fault.command.args[0]}: ${message}`
      : message,
  );
};

/** What a reply that is an error belongs to. Of what a key is asked, the key comes first. */
const Failed = t.type({ command: t.type({ name: t.string, args: t.array(t.unknown) }) });
