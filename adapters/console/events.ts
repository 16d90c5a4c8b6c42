import * as E from "fp-ts/lib/Either.js";
import { type EventStream, errorResponse } from "../http/mod.ts";
import { isFromHere } from "./guard.ts";
import type { Inbox, Received } from "./inbox.ts";

const eventOf = ({ id, ...received }: Received): string =>
  `id: ${id}\ndata: ${JSON.stringify(received)}\n\n`;

/** What the gateway takes, as server-sent events: what is kept first, or what came after Last-Event-ID. */
export const inboxEvents = (inbox: Inbox): EventStream => ({
  path: "/console/inbox",
  open: ({ header }, ended) => {
    if (!isFromHere(header)) {
      return E.left(errorResponse({ _tag: "NOT_FOUND" }));
    }
    const seen = Number(header("last-event-id") ?? 0);
    return E.right(eventsAfter(inbox, Number.isSafeInteger(seen) ? seen : 0, ended));
  },
});

async function* eventsAfter(
  inbox: Inbox,
  seen: number,
  ended: AbortSignal,
): AsyncGenerator<string> {
  yield ": the inbox\n\n";
  for await (const received of inbox.after(seen, ended)) {
    yield eventOf(received);
  }
}
