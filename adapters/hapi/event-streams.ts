import { Readable } from "node:stream";
import type { Server } from "@hapi/hapi";
import * as E from "fp-ts/lib/Either.js";
import { type EventStream, type OnAnswered, SECURITY_HEADERS } from "../http/mod.ts";
import { idOf, requestOf, tell, throughHapi } from "./routes.ts";

// Proxies end a connection on which nothing comes.
const HEARTBEAT_MS = 15_000;

/** Serves event streams; they end when their reader goes, or the server is about to stop. */
export const serveEvents = (
  server: Server,
  streams: ReadonlyArray<EventStream>,
  onAnswered: OnAnswered,
): void => {
  const stopping = new AbortController();
  server.ext("onPreStop", () => stopping.abort());
  server.route(
    streams.map(({ path, open }) => ({
      method: "GET",
      path,
      options: { auth: false, state: { parse: false, failAction: "ignore" } },
      handler: (request, toolkit) => {
        const gone = new AbortController();
        request.raw.req.once("close", () => gone.abort());
        const ended = AbortSignal.any([gone.signal, stopping.signal]);
        const opened = open(
          requestOf(request, () => undefined),
          ended,
        );
        if (E.isLeft(opened)) {
          const [id, answer] = [idOf(request), opened.left];
          tell(request, { requestId: id, route: path, answer }, onAnswered);
          return throughHapi(request, toolkit, answer, id);
        }
        const events = Readable.from(opened.right, { objectMode: false });
        const heart = setInterval(() => events.push(": \n\n"), HEARTBEAT_MS);
        events.once("close", () => clearInterval(heart));
        const response = toolkit.response(events).type("text/event-stream");
        for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
          response.header(name, value);
        }
        return response.header("cache-control", "no-store");
      },
    })),
  );
};
