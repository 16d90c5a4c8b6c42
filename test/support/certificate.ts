import { generate } from "selfsigned";

/** A certificate that vouches for itself, and its key, as PEM. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

/** Makes a certificate for 127.0.0.1, unless it is to be for another address or no longer valid. */
export const makeCertificate = async ({
  ip = "127.0.0.1",
  notAfter,
}: {
  readonly ip?: string;
  readonly notAfter?: Date;
} = {}): Promise<Certificate> => {
  const { private: key, cert } = await generate([{ name: "commonName", value: ip }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip }] }],
    ...(notAfter === undefined ? {} : { notBeforeDate: new Date(0), notAfterDate: notAfter }),
  });
  return { key, cert };
};
