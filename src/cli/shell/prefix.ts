/** What may stand before a command of the shell: `watch [SECONDS]` and `@ROUTER`. */
import { Failure, MISUSED } from "#cli/failure";

/** Seconds between two looks of `watch`. */
export const WATCH_SECONDS = /^\d{1,5}(?:\.\d{1,3})?$/;
const EVERY = 2;
const SHORTEST = 0.1;

export interface Prefixed {
  /** Seconds; undefined: once. */
  readonly watch: number | undefined;
  /** Without the `@`; undefined: the router that is meant anyway. */
  readonly target: string | undefined;
  /** The command's words. */
  readonly words: readonly string[];
}

/** `names`: what a first word can be short for. Throws Failure for what makes no sense. */
export function readPrefix(words: readonly string[], isWatch: (word: string) => boolean): Prefixed {
  let watch: number | undefined;
  let target: string | undefined;
  let rest = words;
  for (;;) {
    const [word, next] = rest;
    if (word?.startsWith("@")) {
      if (target !== undefined)
        throw new Failure(`found @${target} and ${word}, expected one of them: @a,b is both`, MISUSED);
      target = word.slice(1);
      rest = rest.slice(1);
    } else if (word !== undefined && watch === undefined && isWatch(word)) {
      const hasSeconds = next !== undefined && WATCH_SECONDS.test(next);
      watch = hasSeconds ? Math.max(SHORTEST, Number(next)) : EVERY;
      rest = rest.slice(hasSeconds ? 2 : 1);
    } else return { watch, target, words: rest };
  }
}
