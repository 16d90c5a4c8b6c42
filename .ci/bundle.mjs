// Writes, into a folder, a package.json of the program and all that it can need: its libraries are optional
// peers of the package, here at the versions that were tested. `npm install` there makes an installation.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";

const [folder, tarball] = process.argv.slice(2);
if (folder === undefined || tarball === undefined) {
  process.stderr.write("usage: node .ci/bundle.mjs FOLDER TARBALL\n");
  process.exit(2);
}
const read = (file) => JSON.parse(readFileSync(file, "utf8"));
const { name, peerDependencies } = read("package.json");
const { packages } = read("package-lock.json");
const dependencies = Object.fromEntries(
  Object.keys(peerDependencies).map((peer) => [peer, packages[`node_modules/${peer}`].version]),
);
mkdirSync(folder, { recursive: true });
writeFileSync(
  `${folder}/package.json`,
  `${JSON.stringify({ private: true, dependencies: { ...dependencies, [name]: `file:${tarball}` } }, null, 2)}\n`,
);
