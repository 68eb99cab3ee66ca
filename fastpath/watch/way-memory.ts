/**
 * Ways through the stages that traced frames went lately: steps, where the frames came in, how they ended. Frames of a flow go the
 * same one, and three kilobytes of steps cost both ends of a ring more than a number does.
 */
import { MOST_STEPS, STEP_WORDS, type Steps } from "#fastpath/steps";

/** Ways that are remembered, numbered from 0: sets of places, of which a way may have any of one set. */
export const WAYS = 256;
const PLACES = 8;

export interface EndedWay {
  /** One at least. */
  readonly steps: Pick<Steps, "words" | "count">;
  /** Port that it came in by. */
  readonly from: number;
  readonly ending: number;
}

export class WayMemory {
  readonly #words = new Int32Array(WAYS * MOST_STEPS * STEP_WORDS);
  readonly #counts = new Int32Array(WAYS);
  readonly #from = new Int32Array(WAYS);
  readonly #endings = new Int32Array(WAYS);
  readonly #versions = new Int32Array(WAYS);
  /** Place in its set that is given to the next way. */
  #next = 0;

  /** Which way has this number now: 0 none, another after each change. */
  version(number: number): number {
    return this.#versions[number]!;
  }

  /** The way's number. It may have been another's. */
  number(way: EndedWay): number {
    const first = setOf(way) * PLACES;
    for (let number = first; number < first + PLACES; number++) if (this.#has(number, way)) return number;
    const number = first + (this.#next++ & (PLACES - 1));
    this.#keep(number, way);
    return number;
  }

  #has(number: number, { steps, from, ending }: EndedWay): boolean {
    const { count, words } = steps;
    if (this.#counts[number] !== count || this.#from[number] !== from || this.#endings[number] !== ending) return false;
    const kept = this.#words;
    const at = number * MOST_STEPS * STEP_WORDS;
    const length = count * STEP_WORDS;
    for (let i = 0; i < length; i++) if (kept[at + i] !== words[i]) return false;
    return true;
  }

  #keep(number: number, { steps, from, ending }: EndedWay): void {
    const { count, words } = steps;
    this.#words.set(words.subarray(0, count * STEP_WORDS), number * MOST_STEPS * STEP_WORDS);
    this.#counts[number] = count;
    this.#from[number] = from;
    this.#endings[number] = ending;
    this.#versions[number] = (this.#versions[number]! + 1) | 0 || 1;
  }
}

/** By the first step, which has the ports, and the last, which has the decision record. */
function setOf({ steps, from, ending }: EndedWay): number {
  const { count, words } = steps;
  const end = count * STEP_WORDS;
  let hash = from ^ (ending << 8) ^ (count << 16);
  for (let i = 0; i < STEP_WORDS; i++) hash = mixed(hash, words[i]!);
  for (let i = end - STEP_WORDS; i < end; i++) hash = mixed(hash, words[i]!);
  return hash & (WAYS / PLACES - 1);
}

function mixed(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e37_79b1);
  return product ^ (product >>> 15);
}
