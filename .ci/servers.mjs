// The servers, shells and browser that tests start: found on the machine, or installed where that is Debian and ours.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const SERVERS = [
  { program: "redis-server", debian: "redis-server" },
  { program: "mariadbd", debian: "mariadb-server" },
  { program: "nginx", version: "-v", debian: "nginx-light" },
  { program: "chromium", debian: "chromium" },
  { program: "systemd-analyze", debian: "systemd" },
  { program: "zsh", debian: "zsh" },
  { program: "fish", debian: "fish" },
  { file: "/usr/share/bash-completion/bash_completion", debian: "bash-completion" },
];

// Debian has daemons where only root looks, and its packages may ask questions.
const env = {
  ...process.env,
  PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin`,
  DEBIAN_FRONTEND: "noninteractive",
};

const run = (command, ...args) =>
  spawnSync(command, args, { env, stdio: ["ignore", "ignore", "inherit"] }).status === 0;

const isThere = ({ program, file, version = "--version" }) =>
  file === undefined
    ? spawnSync(program, [version], { env, stdio: "ignore" }).status === 0
    : existsSync(file);

const missing = () => SERVERS.filter((server) => !isThere(server));

const install = (packages) =>
  process.getuid?.() === 0 &&
  run("apt-get", "update", "-qq") &&
  run("apt-get", "install", "-qq", "--no-install-recommends", ...packages);

const wanted = missing().map(({ debian }) => debian);
if (wanted.length > 0) {
  install(wanted);
}
for (const { program, file, debian } of missing()) {
  process.stderr.write(`${program ?? file} is missing: on Debian, apt-get install ${debian}\n`);
  process.exitCode = 1;
}
