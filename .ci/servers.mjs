// The servers that tests start: found on the machine, or installed where that is Debian and ours.
import { spawnSync } from "node:child_process";

const run = (command, ...args) =>
  spawnSync(command, args, { stdio: ["ignore", "ignore", "inherit"] }).status === 0;

const found = () => run("redis-server", "--version");

const install = () =>
  process.getuid?.() === 0 &&
  run("apt-get", "update", "-qq") &&
  run("apt-get", "install", "-qq", "--no-install-recommends", "redis-server");

if (!found() && !(install() && found())) {
  process.stderr.write("redis-server is missing: on Debian, apt-get install redis-server\n");
  process.exitCode = 1;
}
