import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** A port that one client knocks at, and that is opened for it when the test likes. */
export interface Gate {
  readonly port: number;
  /** Waits until the client has said something, which nobody hears yet. */
  readonly knocked: () => Promise<void>;
  /** Leads the client to a port, and waits until it was sent the first answer from there. */
  readonly open: (port: number) => Promise<void>;
  /** Waits until the client's connection has ended, and everything it said was handed on. */
  readonly closed: Promise<void>;
}

/** Has a server listen on a free port of this machine, and gives the port. */
export const portOf = async (server: Server): Promise<number> => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new Error(`no port: ${address}`);
  }
  return address.port;
};

/** Ends a server when its connections have ended. */
export const closeOf = async (server: Server): Promise<void> => {
  const closed = once(server, "close");
  server.close();
  await closed;
};

/** Starts a {@link Gate} on a free port. */
export const startGate = async (): Promise<Gate> => {
  const gate = createServer();
  const closed = once(gate, "close").then(() => {});
  const knocked = once(gate, "connection").then(async ([client]: Socket[]) => {
    // One client: undici connects once more when it has aborted a request, for nothing.
    gate.close();
    if (client === undefined) {
      throw new Error("nobody came");
    }
    // What becomes of the connection is for the client to report.
    client.on("error", () => {});
    const [said] = await once(client, "data");
    return { client, said };
  });
  return {
    port: await portOf(gate),
    knocked: () => knocked.then(() => {}),
    open: async (port) => {
      const { client, said } = await knocked;
      const upstream = connect(port, "127.0.0.1");
      upstream.on("error", () => {});
      upstream.write(said);
      const [answer] = await once(upstream, "data");
      await new Promise((done) => client.write(answer, done));
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        from.on("data", (chunk) => to.write(chunk));
        from.on("close", () => to.end());
      }
    },
    closed,
  };
};
