import { readFile } from "node:fs/promises";
import type { Acquaintances } from "../contract/relationships.ts";
import type { MariaDbServer } from "./mariadb-server.ts";

/** An existing SealTalk database of its own, and a user who has the rights that the docs list. */
export interface SealTalkDatabase extends Omit<Acquaintances, "relationships"> {
  readonly url: string;
  /** Runs SQL in it as the user who may do everything. */
  readonly run: (sql: string) => Promise<void>;
  /** Sets what one side says of a friendship: 20 is yes. */
  readonly say: (user: string, friend: string, status: number) => Promise<void>;
}

let databases = 0;

/** Makes a {@link SealTalkDatabase}, with empty tables. */
export const makeSealTalkDatabase = async (server: MariaDbServer): Promise<SealTalkDatabase> => {
  databases += 1;
  const name = `sealtalk${databases}`;
  const run: SealTalkDatabase["run"] = (sql) => server.run(`USE ${name}; ${sql}`);
  await server.run(`CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  await run(SEALTALK_TABLES);
  await run(await rights(name));
  const say: SealTalkDatabase["say"] = (user, friend, status) =>
    run(
      `INSERT INTO friendships (userId, friendId, status) VALUES (${user}, ${friend}, ${status})
        ON DUPLICATE KEY UPDATE status = ${status}`,
    );
  const setDeleted = (group: string, user: string, isDeleted: 0 | 1): Promise<void> =>
    run(
      `INSERT INTO group_members (groupId, memberId, isDeleted)
        VALUES (${group}, ${user}, ${isDeleted}) ON DUPLICATE KEY UPDATE isDeleted = ${isDeleted}`,
    );
  return {
    url: `mysql://${name}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${server.port}/${name}`,
    run,
    say,
    befriend: async (user, other) => {
      await say(user, other, 20);
      await say(other, user, 20);
    },
    // Who ends a friendship changes their own side.
    unfriend: (user, other) => say(user, other, 30),
    join: (group, user) => setDeleted(group, user, 0),
    leave: (group, user) => setDeleted(group, user, 1),
  };
};

/** The password of every such user: what a URL has to have encoded. */
export const PASSWORD = "p@ss:w/rd% 密";

/** The statements of docs/operating.md, for a database and a user of this name. */
const rights = async (name: string): Promise<string> => {
  const page = await readFile("docs/operating.md", "utf8");
  const blocks = [...page.matchAll(/```sql\n([\s\S]*?)\n```/g)].flatMap(([, sql = ""]) => sql);
  if (blocks.length === 0) {
    throw new Error("docs/operating.md lists no rights");
  }
  return blocks
    .join("\n")
    .replaceAll("'misc'@", `'${name}'@`)
    .replaceAll("sealtalk.", `${name}.`)
    .replaceAll("'a password of its own'", `'${PASSWORD}'`);
};

/** SealTalk's tables, as far as this service could ever care. */
const SEALTALK_TABLES = `
  CREATE TABLE friendships (
    id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    userId INT UNSIGNED NOT NULL,
    friendId INT UNSIGNED NOT NULL,
    displayName VARCHAR(32) NOT NULL DEFAULT '',
    message VARCHAR(64) NOT NULL DEFAULT '',
    status INT UNSIGNED NOT NULL,
    timestamp BIGINT NOT NULL DEFAULT 0,
    createdAt DATETIME NOT NULL DEFAULT NOW(),
    updatedAt DATETIME NOT NULL DEFAULT NOW(),
    UNIQUE KEY (userId, friendId)
  );
  CREATE TABLE \`groups\` (
    id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(32) NOT NULL,
    portraitUri VARCHAR(256) NOT NULL DEFAULT '',
    memberCount INT UNSIGNED NOT NULL DEFAULT 0,
    maxMemberCount INT UNSIGNED NOT NULL DEFAULT 500,
    creatorId INT UNSIGNED NOT NULL,
    bulletin TEXT,
    timestamp BIGINT NOT NULL DEFAULT 0,
    createdAt DATETIME NOT NULL DEFAULT NOW(),
    updatedAt DATETIME NOT NULL DEFAULT NOW(),
    deletedAt DATETIME NULL
  );
  CREATE TABLE group_members (
    id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    groupId INT UNSIGNED NOT NULL,
    memberId INT UNSIGNED NOT NULL,
    displayName VARCHAR(32) NOT NULL DEFAULT '',
    role INT UNSIGNED NOT NULL DEFAULT 1,
    isDeleted TINYINT(1) NOT NULL DEFAULT 0,
    timestamp BIGINT NOT NULL DEFAULT 0,
    createdAt DATETIME NOT NULL DEFAULT NOW(),
    updatedAt DATETIME NOT NULL DEFAULT NOW(),
    UNIQUE KEY (groupId, memberId)
  );
  CREATE TABLE screen_statuses (
    id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    operateId VARCHAR(64) NOT NULL,
    conversationType INT UNSIGNED NOT NULL,
    status INT UNSIGNED NOT NULL DEFAULT 0,
    createdAt DATETIME NOT NULL DEFAULT NOW(),
    updatedAt DATETIME NOT NULL DEFAULT NOW()
  );
`;
