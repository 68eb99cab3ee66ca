/**
 * What was dropped of frames that no port says whose they were: an uplink's are for all tenants, and here they are counted by
 * the network that they were for. One table a forwarder, written by it alone, read by the control thread at any time; where it is full, or
 * the network is none of the fabric's, the port's own counters are all there is.
 */
import type { Verdict } from "#fastpath/verdicts";

/** Entries, a power of two: ports other than VMs' are few, and so are the reasons that occur. */
const ENTRIES = 4096;
const PROBES = 8;
const ENTRY_WORDS = 4;
/** 1 + port + (ending << 16); 0: free. Written last, so that a reader finds the rest. */
const E_WHAT = 0;
/** Raw tags. */
const E_TAGS = 1;
/** A double. */
const E_COUNT = 2;

export interface TaggedDrops {
  readonly port: number;
  readonly ending: Verdict;
  /** Raw. */
  readonly tags: number;
  /** Since the start, whatever port the index had. */
  readonly frames: number;
}

export const createDropTags = (): SharedArrayBuffer => new SharedArrayBuffer(ENTRIES * ENTRY_WORDS * 4);

export class DropTags {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;

  /** `buffer`: of createDropTags. */
  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer);
    this.#doubles = new Float64Array(buffer);
  }

  /** The forwarder: one frame more. */
  count(port: number, ending: Verdict, tags: number): void {
    const words = this.#words;
    const what = 1 + (port | (ending << 16));
    let slot = (Math.imul(what ^ Math.imul(tags, 0x85eb_ca6b), 0x9e37_79b1) >>> 16) & (ENTRIES - 1);
    for (let i = 0; i < PROBES; i++, slot = (slot + 1) & (ENTRIES - 1)) {
      const at = slot * ENTRY_WORDS;
      const found = words[at + E_WHAT]!;
      if (found !== 0 && (found !== what || words[at + E_TAGS] !== tags)) continue;
      this.#doubles[(at + E_COUNT) >> 1]! += 1;
      if (found !== 0) return;
      words[at + E_TAGS] = tags;
      Atomics.store(words, at + E_WHAT, what);
      return;
    }
  }

  /** Control: all that was counted. */
  *entries(): Generator<TaggedDrops> {
    const words = this.#words;
    for (let at = 0; at < words.length; at += ENTRY_WORDS) {
      const what = Atomics.load(words, at + E_WHAT) - 1;
      if (what < 0) continue;
      const frames = this.#doubles[(at + E_COUNT) >> 1]!;
      yield { port: what & 0xffff, ending: what >>> 16, tags: words[at + E_TAGS]!, frames };
    }
  }
}

/** True when raw `tags` are among `known`, which are raw, signed and ascending. */
export function isAmong(known: Int32Array, tags: number): boolean {
  let low = 0;
  let high = known.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (known[middle] === tags) return true;
    if (known[middle]! < tags) low = middle + 1;
    else high = middle - 1;
  }
  return false;
}
