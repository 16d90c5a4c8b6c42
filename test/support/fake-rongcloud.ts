import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { Server as SecureServer } from "node:https";
import { makeCounter } from "./counter.ts";

/** The application that the fake knows. */
export interface FakeApplication {
  readonly appKey: string;
  readonly appSecret: string;
}

/**
 * What the fake does with a request. Only `take`, `take then reset` and a delay accept messages,
 * after they looked at the signature and the parameters; the others look at nothing.
 */
export type Behaviour =
  | "take"
  /** Never answers. */
  | "hang"
  /** Ends the connection without an answer. */
  | "reset"
  /** Accepts the message, then ends the connection without an answer. */
  | "take then reset"
  /** A 200 whose connection ends in the middle of its body. */
  | "half a body"
  /** A 200 whose body does not end. */
  | "endless body"
  /** A 200 that is not JSON; it repeats what was asked, as error pages do. */
  | "garbage"
  | {
      readonly status: number;
      /** Without it the answer is a proxy's: no JSON. */
      readonly code?: number;
      readonly retryAfter?: number | string;
      /** Where a redirect leads. */
      readonly location?: string;
    }
  /** Accepts the message at once, answers later. */
  | { readonly delayMs: number };

/** A message that was accepted. */
export interface Taken {
  readonly path: string;
  readonly form: Readonly<Record<string, string>>;
  readonly headers: IncomingHttpHeaders;
}

/** RongCloud's server API on a real socket of this machine. */
export interface FakeRongCloud {
  readonly url: string;
  /** The accepted messages, in their order. */
  readonly taken: ReadonlyArray<Taken>;
  /** How many requests came so far, whatever became of them. */
  readonly attempts: number;
  /** What becomes of the requests from now on; at first it takes them. */
  readonly behave: (behaviour: Behaviour) => void;
  /** Waits until so many messages were accepted, counted from the start. */
  readonly whenTaken: (count: number) => Promise<void>;
  /** Waits until so many requests came, counted from the start. */
  readonly whenAttempted: (count: number) => Promise<void>;
  /** Ends it and every connection; from then on its port refuses. */
  readonly close: () => Promise<void>;
}

interface Asked extends Taken {
  readonly body: string;
}

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

const PRIVATE = "/message/private/publish.json";
const GROUP = "/message/group/publish.json";
const MEMBERS = "/group/user/query.json";

const REQUIRED: Readonly<Record<string, ReadonlyArray<string>>> = {
  [PRIVATE]: ["fromUserId", "toUserId", "objectName", "content"],
  [GROUP]: ["fromUserId", "toGroupId", "objectName", "content"],
  [MEMBERS]: ["groupId"],
};

const FLAGS = ["isIncludeSender", "isPersisted", "isMentioned"];

/** Starts a {@link FakeRongCloud} on a free port. */
export const startFakeRongCloud = async (application: FakeApplication): Promise<FakeRongCloud> => {
  const messages: Taken[] = [];
  const takings = makeCounter();
  const requests = makeCounter();
  const timers = new Set<NodeJS.Timeout>();
  const check = makeCheck(application);
  let behaviour: Behaviour = "take";

  const accept = (asked: Asked): Answer => {
    const refusal = check(asked);
    if (refusal !== undefined) {
      return refusal;
    }
    if (asked.path === MEMBERS) {
      return { status: 200, body: { code: 200, users: [] } };
    }
    const { path, form, headers } = asked;
    messages.push({ path, form, headers });
    takings.add();
    return { status: 200, body: { code: 200, messageUIDs: [] } };
  };

  const delay = (ms: number, run: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      run();
    }, ms);
    timers.add(timer);
  };

  const handle = (behaviour: Behaviour, asked: Asked, response: ServerResponse): void => {
    if (typeof behaviour !== "string") {
      if ("delayMs" in behaviour) {
        const answer = accept(asked);
        delay(behaviour.delayMs, () => reply(response, answer));
      } else {
        refuse(response, behaviour);
      }
      return;
    }
    switch (behaviour) {
      case "take":
        reply(response, accept(asked));
        break;
      case "hang":
        break;
      case "reset":
        reset(response);
        break;
      case "take then reset":
        accept(asked);
        reset(response);
        break;
      case "half a body":
        halve(response);
        break;
      case "endless body":
        pour(response);
        break;
      case "garbage":
        response.end(`<html>200 OK: ${asked.body}</html>`);
    }
  };

  const { url, close } = await listen(
    createServer((request, response) => {
      // As it is when a request comes: who waited for that may change it before the body is here.
      const meant = behaviour;
      requests.add();
      read(request).then(
        (asked) => handle(meant, asked, response),
        () => response.destroy(),
      );
    }),
  );

  return {
    url,
    taken: messages,
    get attempts() {
      return requests.count();
    },
    behave: (next) => {
      behaviour = next;
    },
    whenTaken: takings.when,
    whenAttempted: requests.when,
    close: async () => {
      for (const timer of timers) {
        clearTimeout(timer);
      }
      await close();
    },
  };
};

/** A server that listens. */
export interface Listening {
  readonly url: string;
  /** Ends it and every connection, whatever waits on them; a second time it does nothing. */
  readonly close: () => Promise<void>;
}

/** Has a server of HTTP or HTTPS listen on a free port of this machine. */
export const listen = async (server: Server | SecureServer): Promise<Listening> => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new Error(`no port: ${address}`);
  }
  const scheme = server instanceof SecureServer ? "https" : "http";
  return {
    url: `${scheme}://127.0.0.1:${address.port}`,
    close: async () => {
      if (server.listening) {
        const closed = once(server, "close");
        server.close();
        server.closeAllConnections();
        await closed;
      }
    },
  };
};

const read = async (request: IncomingMessage): Promise<Asked> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) {
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks).toString();
  return {
    path: request.url ?? "",
    form: Object.fromEntries(new URLSearchParams(body)),
    headers: request.headers,
    body,
  };
};

const reply = (response: ServerResponse, { status, body }: Answer): void => {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
};

const refuse = (
  response: ServerResponse,
  { status, code, retryAfter, location }: Extract<Behaviour, { readonly status: number }>,
): void => {
  response.statusCode = status;
  if (retryAfter !== undefined) {
    response.setHeader("retry-after", retryAfter);
  }
  if (location !== undefined) {
    response.setHeader("location", location);
  }
  response.end(
    code === undefined
      ? `<html>${status}</html>`
      : JSON.stringify({ code, errorMessage: `refused with ${code}` }),
  );
};

const reset = ({ socket }: ServerResponse): void => {
  socket?.resetAndDestroy();
};

const halve = (response: ServerResponse): void => {
  response.writeHead(200, { "content-length": 1_000 });
  response.write('{"code":200,', () => response.destroy());
};

const pour = (response: ServerResponse): void => {
  const next = (error?: Error | null): void => {
    if (!error && !response.destroyed) {
      response.write(" ".repeat(16_384), next);
    }
  };
  next();
};

const LONGEST_NONCE = 18;
const LONGEST_OBJECT_NAME = 32;
const MOST_CONTENT_BYTES = 128 * 1024;
const SKEW_SECONDS = 60;

/** What RongCloud would refuse a request with; it remembers each nonce. */
const makeCheck = ({ appKey, appSecret }: FakeApplication) => {
  const nonces = new Set<string>();

  const faultOfSignature = ({ headers }: Asked): string | undefined => {
    const { nonce, timestamp, signature } = headers;
    const signed = createHash("sha1").update(`${appSecret}${nonce}${timestamp}`).digest("hex");
    if (signature !== signed) {
      return "Signature";
    }
    if (typeof timestamp !== "string" || !/^\d{10}$/.test(timestamp)) {
      return "Timestamp: seconds";
    }
    if (Math.abs(Date.now() / 1_000 - Number(timestamp)) > SKEW_SECONDS) {
      return "Timestamp: not within a minute";
    }
    if (typeof nonce !== "string" || nonce.length > LONGEST_NONCE || nonces.has(nonce)) {
      return "Nonce";
    }
    nonces.add(nonce);
    return undefined;
  };

  return (asked: Asked): Answer | undefined => {
    const required = REQUIRED[asked.path];
    if (required === undefined) {
      return refusal(404, 404, asked.path);
    }
    if (asked.headers["app-key"] !== appKey) {
      return refusal(401, 1001, "App-Key");
    }
    const signature = faultOfSignature(asked);
    if (signature !== undefined) {
      return refusal(401, 1004, signature);
    }
    const parameter = faultOfParameters(asked, required);
    return parameter === undefined ? undefined : refusal(400, 1002, parameter);
  };
};

const faultOfParameters = (
  { headers, form }: Asked,
  required: ReadonlyArray<string>,
): string | undefined => {
  if (!/^application\/x-www-form-urlencoded(;|$)/.test(headers["content-type"] ?? "")) {
    return "Content-Type";
  }
  const missing = required.find((name) => (form[name] ?? "") === "");
  const unclear = FLAGS.find((name) => !["0", "1", undefined].includes(form[name]));
  if (missing !== undefined || unclear !== undefined) {
    return missing ?? unclear;
  }
  if ((form.objectName ?? "").length > LONGEST_OBJECT_NAME) {
    return "objectName";
  }
  return Buffer.byteLength(form.content ?? "") > MOST_CONTENT_BYTES ? "content" : undefined;
};

const refusal = (status: number, code: number, what: string): Answer => ({
  status,
  body: { code, errorMessage: `${what} is not as it must be` },
});
