import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { makeTempDir } from "./temp-dir.ts";

/** A real nginx. */
export interface NginxServer {
  /** Has it read another configuration, and waits until the old one takes no more connections. */
  readonly reload: (http: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

// Debian has daemons where only root looks.
const ENV = { ...process.env, PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin` };

// As root its workers would be somebody else, who may not write into the folder.
const USER = process.getuid?.() === 0 ? "user root;" : "";

const around = (http: string): string => `
  daemon off;
  ${USER}
  worker_processes 1;
  pid nginx.pid;
  error_log stderr notice;
  events {}
  http {
    access_log off;
    ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${name};`).join("\n")}
    ${http}
  }
`;

/** Starts nginx with this inside its `http` block, and waits until it listens. */
export const startNginxServer = async (http: string): Promise<NginxServer> => {
  const { dir, remove } = await makeTempDir();
  const file = join(dir, "nginx.conf");
  await writeFile(file, around(http));
  const child = spawn("nginx", ["-p", dir, "-c", file, "-e", "stderr"], {
    env: ENV,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(child, "close");
  const lines = createInterface(child.stderr);
  const said: string[] = [];
  const line = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      lines.on("line", (one) => {
        said.push(one);
        if (one.includes(text)) {
          resolve();
        }
      });
      child.once("error", reject);
      child.once("close", (code) =>
        reject(new Error(`nginx ended with ${code}: ${said.join("\n")}`)),
      );
    });
  await line("start worker process ");
  return {
    reload: async (next) => {
      await writeFile(file, around(next));
      const over = line("gracefully shutting down");
      child.kill("SIGHUP");
      await over;
    },
    close: async () => {
      child.kill("SIGTERM");
      await ended;
      await remove();
    },
  };
};
