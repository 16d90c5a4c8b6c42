const ACCEPTABLE = /^[A-Za-z0-9._-]{1,128}$/;

/** The caller's `X-Request-Id` if it is one that we repeat, else a new one. */
export const requestId = (offered: string | undefined): string =>
  offered !== undefined && ACCEPTABLE.test(offered) ? offered : crypto.randomUUID();
