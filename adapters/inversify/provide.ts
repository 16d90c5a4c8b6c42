import type { Bind, Container } from "inversify";

/** A container's name for a value, tied to the type of what it yields. */
export type Token<A> = symbol & { readonly yields?: A };

/** Makes a {@link Token}; `name` is for error messages. */
export const makeToken = <A>(name: string): Token<A> => Symbol(name);

/**
 * Binds a token to what `make` makes of other tokens' values: once, when it is first asked for.
 * `close` gets it when it is unbound. What `make` imports itself is loaded no sooner: who does not
 * ask for the part starts without its libraries.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { makeContainer, provide, resolve, tokens } from "sealtalk-misc/inversify";
 * import { makeMemoryGateway } from "sealtalk-misc/memory";
 *
 * const wired = makeContainer({ STORE: "memory" }, { serving: false });
 * assert.ok(isRight(wired));
 * const container = wired.right;
 * const { gateway } = makeMemoryGateway();
 * await container.unbind(tokens.GATEWAY);
 * provide(container.bind.bind(container), tokens.GATEWAY, [], () => gateway);
 * assert.equal(await resolve(container, tokens.GATEWAY), gateway);
 * ```
 */
export const provide = <A, Needs extends unknown[]>(
  bind: Bind,
  token: Token<A>,
  needs: { [Index in keyof Needs]-?: Token<Needs[Index]> },
  make: (...needs: Needs) => A | Promise<A>,
  close?: (made: A) => Promise<void>,
): void => {
  const binding = bind<A>(token).toResolvedValue<Needs>(make, needs).inSingletonScope();
  if (close !== undefined) {
    binding.onDeactivation(close);
  }
};

/**
 * What the container yields for a token.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { isRight } from "fp-ts/lib/Either.js";
 * import { makeContainer, resolve, tokens } from "sealtalk-misc/inversify";
 *
 * const wired = makeContainer({ STORE: "memory", PORT: "0" }, { serving: false });
 * assert.ok(isRight(wired));
 * assert.equal((await resolve(wired.right, tokens.CONFIG)).port, 0);
 * ```
 */
export const resolve = <A>(container: Container, token: Token<A>): Promise<A> =>
  container.getAsync<A>(token);
