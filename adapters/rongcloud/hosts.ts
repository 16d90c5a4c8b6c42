import {
  type Breaker,
  type BreakerRule,
  CLOSED,
  entered,
  failed,
  isSuspect,
  openFor,
} from "./breaker.ts";

/** RongCloud's hosts, and which of them are well. */
export interface Hosts {
  /** Whom to ask, in turn: nobody who is left alone, and last who failed a moment ago. */
  readonly candidates: (now: number) => ReadonlyArray<string>;
  /** Milliseconds until a host may be asked; 0: now. */
  readonly openMs: (host: string, now: number) => number;
  /** Milliseconds until there is somebody to ask; 0: there is. */
  readonly wait: (now: number) => number;
  /** A call goes to a host, and is over by `until`. */
  readonly entered: (host: string, until: number) => void;
  readonly failed: (host: string, now: number) => void;
  readonly succeeded: (host: string) => void;
}

const RULE: BreakerRule = { threshold: 5, firstPause: 1_000, longestPause: 30_000 };

/** Hosts that are all well, the one to prefer first. */
export const makeHosts = (hosts: ReadonlyArray<string>): Hosts => {
  const breakers = new Map<string, Breaker>(hosts.map((host) => [host, CLOSED]));
  const breakerOf = (host: string): Breaker => breakers.get(host) ?? CLOSED;
  const openMs = (host: string, now: number): number => openFor(RULE, breakerOf(host), now);
  return {
    candidates: (now) => {
      const closed = hosts.filter((host) => openMs(host, now) === 0);
      const suspect = (host: string): boolean => isSuspect(breakerOf(host), now);
      return [...closed.filter((host) => !suspect(host)), ...closed.filter(suspect)];
    },
    openMs,
    wait: (now) => Math.min(...hosts.map((host) => openMs(host, now))),
    entered: (host, until) => {
      breakers.set(host, entered(RULE, breakerOf(host), until));
    },
    failed: (host, now) => {
      breakers.set(host, failed(RULE, breakerOf(host), now));
    },
    succeeded: (host) => {
      breakers.set(host, CLOSED);
    },
  };
};
