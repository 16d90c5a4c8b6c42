/** A bare hapi server that answers what it is told, byte for byte: what the bench measures against. */
import Hapi from "@hapi/hapi";

interface Canned {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly status: number;
  readonly body: string;
}

const answers: ReadonlyArray<Canned> = JSON.parse(process.env.ANSWERS ?? "[]");
const server = Hapi.server({ host: "127.0.0.1", port: 0 });
server.route(
  answers.map(({ method, path, status, body }) => ({
    method,
    path,
    handler: (_, toolkit) => toolkit.response(body).code(status).type("application/json"),
  })),
);
await server.start();
process.stdout.write(`${server.info.uri}\n`);
