import type { TaskEither } from "fp-ts/lib/TaskEither.js";
import type { StoreUnavailable, Unauthenticated } from "../../core/domain/errors.ts";
import type { UserId } from "../../core/domain/identity.ts";
export interface Credentials {
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
}
export interface Session {
  readonly user: UserId;
  readonly by: "bearer" | "cookie";
}
export interface Sessions {
  readonly verify: (
    credentials: Credentials,
  ) => TaskEither<Unauthenticated | StoreUnavailable, Session>;
}
