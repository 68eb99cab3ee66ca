/** How many answers a VM may have: a burst at once, then a few a second. */
import type { Millis } from "#base/time";

/** Answers at once, and how many come back a second. */
export const BURST = 20;
const EACH_SECOND = 2;

/** Part of what is known of a VM. */
export interface TokenBucket {
  /** Answers it may still have now: 0 … BURST. */
  tokens: number;
  /** When that was so. */
  refilled: Millis;
}

/** Takes one, if there is one. */
export function takeToken(bucket: TokenBucket, now: Millis): boolean {
  const fresh = ((now - bucket.refilled) / 1000) * EACH_SECOND;
  bucket.tokens = Math.min(BURST, bucket.tokens + fresh);
  bucket.refilled = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}
