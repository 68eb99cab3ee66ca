/**
 * What a generator draws its decisions from. Every draw is kept on a tape of small numbers where 0 is always the
 * simplest choice, so whatever was generated can be generated again, and a failing case made smaller by making its
 * tape smaller. Works with a plain seed, and with fast-check through {@link fromTape}.
 */
import { nextBelow, nextOctets, seeded } from "#base/random";

export interface Choices {
  /** Whole number 0 … bound − 1; `bound` is at least 1. */
  below(bound: number): number;
  /** What was drawn so far. */
  readonly tape: readonly number[];
}

export function fromSeed(seed: number): Choices {
  const random = seeded(seed);
  const tape: number[] = [];
  const below = (bound: number): number => {
    const drawn = nextBelow(random, bound);
    tape.push(drawn);
    return drawn;
  };
  return { below, tape };
}

/** Draws what the tape says, as far as the bounds allow, and 0 once it is used up. */
export function fromTape(recorded: readonly number[]): Choices {
  const tape: number[] = [];
  const below = (bound: number): number => {
    const drawn = Math.min(recorded[tape.length] ?? 0, bound - 1);
    tape.push(drawn);
    return drawn;
  };
  return { below, tape };
}

export const between = (c: Choices, low: number, high: number): number => low + c.below(high - low + 1);

/** The first is the simplest. */
export const pick = <T>(c: Choices, list: readonly T[]): T => list[c.below(list.length)]!;

/** True in about `percent` of all draws; false is the simplest. */
export const chance = (c: Choices, percent: number): boolean => c.below(100) >= 100 - percent;

/** Octets from a single draw: counting up, or random. */
export function data(c: Choices, length: number): Uint8Array {
  const seed = c.below(1000);
  if (seed === 0) return Uint8Array.from({ length }, (_, i) => i);
  return nextOctets(seeded(seed), length);
}

/** Attempts in all: a failing test shall not take for ever. */
const MOST_ATTEMPTS = 2000;

/** A tape as small as can be found for which `fails` still holds; `fails` must hold for the one given. */
export function shrink(tape: readonly number[], fails: (tape: readonly number[]) => boolean): readonly number[] {
  let best = tape;
  let attempts = 0;
  const better = (candidate: readonly number[]): boolean => {
    if (attempts++ >= MOST_ATTEMPTS || !fails(candidate)) return false;
    best = candidate;
    return true;
  };
  for (let before: readonly number[] = []; before !== best && attempts < MOST_ATTEMPTS; ) {
    before = best;
    for (let length = best.length >> 1; length >= 1; length >>= 1) {
      for (let at = best.length - length; at >= 0; at -= length) better(best.toSpliced(at, length));
    }
    for (let at = 0; at < best.length; at++) {
      if (best[at] === 0 || better(best.with(at, 0))) continue;
      while (best[at]! > 1 && better(best.with(at, best[at]! >> 1)));
      if (best[at]! > 0) better(best.with(at, best[at]! - 1));
    }
  }
  return best;
}
