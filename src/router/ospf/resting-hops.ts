/**
 * Next hops that restart, as they have announced: others are taken before them where there are any. OSPF keeps its routes
 * through them (RFC 3623 §3), so that they are what is left where there are none.
 */
import type { Millis } from "#base/time";

/** After its word that it is back: its routes may still be on their way into its tables. */
const REST: Millis = 1000;

interface Resting {
  /** OSPF still helps it. */
  helped: boolean;
  /** Runs while only the time is waited for. */
  timer: Timer | undefined;
}

export class RestingHops {
  private readonly changed: () => void;
  private readonly resting = new Map<string, Resting>();
  /** Neighbors whose BFD said that it stops, on purpose, and has not come back: maybe they have not either. */
  private readonly silent = new Set<string>();

  /** `changed`: next hops are to be dealt anew. Keys are those of hop-sets.ts. */
  constructor(changed: () => void) {
    this.changed = changed;
  }

  /** Not to be used while there is another. */
  has(key: string): boolean {
    return this.resting.has(key);
  }

  helped(key: string, helping: boolean): void {
    const known = this.resting.get(key);
    if (!helping) {
      if (known === undefined) return;
      known.helped = false;
      this.consider(key, known);
      return;
    }
    clearTimeout(known?.timer);
    this.resting.set(key, { helped: true, timer: undefined });
    if (known === undefined) this.changed();
  }

  /** "watched": its session is up, or there is none. */
  bfd(key: string, state: "watched" | "silent"): void {
    if (state === "silent") this.silent.add(key);
    else this.silent.delete(key);
    const known = this.resting.get(key);
    if (known !== undefined) this.consider(key, known);
  }

  /** Others are in use no more, or their uplink begins anew. */
  keep(holds: (key: string) => boolean): void {
    for (const [key, { timer }] of this.resting) {
      if (holds(key)) continue;
      clearTimeout(timer);
      this.resting.delete(key);
    }
    for (const key of this.silent) if (!holds(key)) this.silent.delete(key);
  }

  private consider(key: string, known: Resting): void {
    clearTimeout(known.timer);
    known.timer = undefined;
    if (known.helped || this.silent.has(key)) return;
    known.timer = setTimeout(() => {
      this.resting.delete(key);
      this.changed();
    }, REST);
  }
}
