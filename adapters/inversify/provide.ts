import type { Bind, Container } from "inversify";

/** A container's name for a value, tied to the type of what it yields. */
export type Token<A> = symbol & { readonly yields?: A };

/** Makes a {@link Token}; `name` is for error messages. */
export const makeToken = <A>(name: string): Token<A> => Symbol(name);

/**
 * Binds a token to what `make` makes of other tokens' values: once, when it is first asked for.
 * `close` gets it when it is unbound.
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

/** What the container yields for a token. */
export const resolve = <A>(container: Container, token: Token<A>): Promise<A> =>
  container.getAsync<A>(token);
