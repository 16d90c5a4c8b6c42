import { createCipheriv, createHash } from "node:crypto";

/** MD5, as `makeSessions` wants it. */
export const md5 = (bytes: Uint8Array): Uint8Array => createHash("md5").update(bytes).digest();

/** Encrypts any bytes as an existing SealTalk deployment encrypts its session cookie. */
export const encryptLegacyCookie = (password: string, content: string | Uint8Array): string => {
  const first = md5(Buffer.from(password));
  const second = md5(Buffer.concat([first, Buffer.from(password)]));
  const third = md5(Buffer.concat([second, Buffer.from(password)]));
  const key = Buffer.concat([first, second]);
  const bytes = typeof content === "string" ? Buffer.from(content) : content;
  return createCipheriv("aes-256-ctr", key, third).update(bytes).toString("hex");
};

/** The session cookie that an existing SealTalk deployment gives a user. */
export const legacyCookie = (password: string, user: string, issuedAt: number): string =>
  encryptLegacyCookie(password, `1234|${user}|${issuedAt}`);
