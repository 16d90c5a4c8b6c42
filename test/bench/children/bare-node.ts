/** node:http alone: it answers what it is told, byte for byte; of a POST it reads the JSON first. */
import { createServer } from "node:http";
import { listen } from "../../support/fake-rongcloud.ts";
import type { Answer } from "../answers.ts";

const answers: ReadonlyArray<Answer> = JSON.parse(process.env.ANSWERS ?? "[]");
const byPath = new Map(answers.map((answer) => [answer.path, answer]));

const server = createServer((request, response) => {
  const [path = ""] = (request.url ?? "").split("?");
  const answer = byPath.get(path);
  const reply = (): void => {
    if (answer === undefined || answer.method !== request.method) {
      response.writeHead(404).end();
    } else {
      response.writeHead(answer.status, answer.headers).end(answer.body);
    }
  };
  if (request.method !== "POST") {
    reply();
    return;
  }
  const chunks: Buffer[] = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    JSON.parse(Buffer.concat(chunks).toString());
    reply();
  });
});
const { url } = await listen(server);
process.stdout.write(`${url}\n`);
