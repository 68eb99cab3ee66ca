/**
 * What was flushed a moment ago. A wire that reorders may bring an instance after the flush that ended it; taken for a
 * new LSA it would stay for an hour, since its sender knows that the flush was acknowledged. RFC 2328 does not speak of
 * it, and loses nothing: who really has the instance sends it again.
 */
import type { Millis } from "#base/time";
import { compareInstances, type LsaHeader } from "#ospf/packet/lsa-header";
import { keyOf } from "#ospf/state";

/** Longer than a packet can be late, shorter than a flushed LSA's absence can matter. */
const KEPT: Millis = 2000;
const MOST = 100_000;

export class Tombs {
  /** In order of time. */
  readonly #tombs = new Map<string, { readonly header: LsaHeader; readonly at: Millis }>();

  add(header: LsaHeader, now: Millis): void {
    this.#clear(now);
    const key = keyOf(header);
    this.#tombs.delete(key);
    if (this.#tombs.size < MOST) this.#tombs.set(key, { header, at: now });
  }

  /** True when the instance was ended, or replaced by one that was, a moment ago. */
  has(header: LsaHeader, now: Millis): boolean {
    if (this.#tombs.size === 0) return false;
    this.#clear(now);
    const tomb = this.#tombs.get(keyOf(header));
    return tomb !== undefined && compareInstances(header, tomb.header) < 0;
  }

  #clear(now: Millis): void {
    for (const [key, { at }] of this.#tombs) {
      if (now - at < KEPT) return;
      this.#tombs.delete(key);
    }
  }
}
