/**
 * A process of its own with a connection to a database file: runs statements, says "done", and holds
 * the connection until its input ends.
 */
import { finished } from "node:stream/promises";
import { loadDriver } from "../../adapters/sqlite/driver.ts";

const BUSY_MS = 10_000;

const [path = "", ...statements] = process.argv.slice(2);
const connection = (await loadDriver())(path);
connection.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
for (const statement of statements) {
  connection.exec(statement);
}
process.stdout.write("done\n");
await finished(process.stdin.resume());
connection.close();
