import { generate } from "selfsigned";

/** A certificate that vouches for itself, and its key, as PEM. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/**
 * Makes a certificate for 127.0.0.1, unless it is to be for another address, for a host by name and
 * no address, or no longer valid.
 */
export const makeCertificate = async ({
  ip = "127.0.0.1",
  host,
  notAfter,
}: {
  readonly ip?: string;
  readonly host?: string;
  readonly notAfter?: Date;
} = {}): Promise<Certificate> => {
  const { private: key, cert } = await generate([{ name: "commonName", value: host ?? ip }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [
      {
        name: "subjectAltName",
        altNames: [host === undefined ? { type: 7, ip } : { type: 2, value: host }],
      },
    ],
    ...(notAfter === undefined ? {} : { notBeforeDate: new Date(0), notAfterDate: notAfter }),
  });
  return { key, cert };
};
