/**
 * The socket between the owner of a store and the other processes that use it: questions and
 * answers, each a line of JSON with a number.
 *
 * @module
 */
import { rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import * as E from "fp-ts/lib/Either.js";
import { pipe } from "fp-ts/lib/function.js";
import * as J from "fp-ts/lib/Json.js";
import * as TE from "fp-ts/lib/TaskEither.js";
import * as t from "io-ts";
import { type StoreUnavailable, storeUnavailable } from "../../core/mod.ts";
import type { Backend } from "./backend.ts";
import { Answer, type Channel, serve } from "./protocol.ts";

const NumberedAnswer = t.intersection([t.type({ id: t.number }), Answer]);
const Farewell = t.type({ bye: t.literal(true) });
const NumberedQuestion = t.type({ id: t.number, method: t.string, args: t.unknown });

/** Serves a store on a socket file; who may enter its folder may ask. */
export const serveChannel = async (
  path: string,
  backend: Backend,
): Promise<{ readonly close: () => Promise<void> }> => {
  // Only the owner comes here, so what lies there is a dead owner's.
  await rm(path, { force: true });
  const sockets = new Set<Socket>();
  const answering = new Set<Promise<void>>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    onLine(socket, async (line) => {
      const question = pipe(J.parse(line), E.chainW(NumberedQuestion.decode));
      if (E.isLeft(question)) {
        socket.destroy();
        return;
      }
      const { id, ...asked } = question.right;
      const answered = serve(backend, asked)().then((answer) =>
        writeLine(socket, { id, ...answer }),
      );
      answering.add(answered);
      await answered.finally(() => answering.delete(answered));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    // This process answers, not whichever worker of its cluster is free.
    server.listen({ path, exclusive: true }, resolve);
  });
  return {
    close: async () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const socket of sockets) {
        socket.pause();
      }
      // Each has the store's own deadline.
      await Promise.all(answering);
      for (const socket of sockets) {
        // What was read has been answered, and nothing else was done.
        writeLine(socket, { bye: true });
        // Whoever is stopped would never hang up by itself.
        socket.destroySoon();
      }
      await closed;
    },
  };
};

/** Joins the owner at a socket file, if somebody answers there. */
export const joinChannel = async (
  path: string,
  deadlineMs: number,
): Promise<Channel | undefined> => {
  const socket = await connected(path);
  if (socket === undefined) {
    return undefined;
  }
  const waiting = new Map<number, (answer: Answer) => void>();
  let lastId = 0;
  let closing = false;
  let gone: StoreUnavailable = storeUnavailable("the process that owns the store is gone");
  let lose = (): void => {};
  const lost = new Promise<void>((resolve) => {
    lose = resolve;
  });
  const leave = (): void => {
    if (!closing) {
      lose();
    }
    for (const tell of waiting.values()) {
      tell({ fault: gone });
    }
    waiting.clear();
  };
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => {
      leave();
      resolve();
    });
  });
  onLine(socket, async (line) => {
    const message = J.parse(line);
    const answer = pipe(message, E.chainW(NumberedAnswer.decode));
    if (E.isRight(answer)) {
      waiting.get(answer.right.id)?.(answer.right);
    } else if (pipe(message, E.exists(Farewell.is))) {
      gone = unserved;
      socket.destroy();
      leave();
    }
  });
  return {
    send: (question) =>
      TE.fromTask(
        () =>
          new Promise((resolve) => {
            lastId += 1;
            const id = lastId;
            const tell = (answer: Answer): void => {
              clearTimeout(timer);
              waiting.delete(id);
              resolve(answer);
            };
            const timer = setTimeout(
              () => tell({ fault: storeUnavailable(`the owner was silent for ${deadlineMs} ms`) }),
              deadlineMs,
            );
            waiting.set(id, tell);
            if (socket.destroyed) {
              tell({ fault: gone });
            } else {
              // What could not be written nobody has read; of several lines some may have been.
              const fault = socket.writableLength === 0 ? unserved : gone;
              writeLine(socket, { id, ...question }, () => tell({ fault }));
            }
          }),
      ),
    close: () => {
      closing = true;
      // An owner that is stopped would never hang up by itself.
      socket.destroySoon();
      return closed;
    },
    lost,
  };
};

/** What a question comes to that an owner did not heed before it ended: another one may. */
const unserved: StoreUnavailable & { readonly unserved: true } = {
  ...storeUnavailable("the process that owned the store has ended"),
  unserved: true,
};

/** Whether nothing was done about a question, so that it may be asked again. */
export const isUnserved = (fault: unknown): boolean =>
  typeof fault === "object" && fault !== null && "unserved" in fault;

const connected = (path: string): Promise<Socket | undefined> =>
  new Promise((resolve) => {
    const socket = connect(path);
    const absent = (): void => resolve(undefined);
    socket.once("error", absent);
    socket.once("connect", () => {
      socket.off("error", absent);
      socket.on("error", () => socket.destroy());
      resolve(socket);
    });
  });

const onLine = (socket: Socket, heed: (line: string) => Promise<void>): void => {
  createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })
    .on("line", heed)
    .on("error", () => socket.destroy());
};

const writeLine = (socket: Socket, message: object, onFault = (): void => {}): void => {
  socket.write(`${JSON.stringify(message)}\n`, (fault) => {
    if (fault) {
      onFault();
    }
  });
};
