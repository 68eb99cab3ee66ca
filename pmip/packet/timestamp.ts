/** Timestamps of 1/65536 s since 1970: RFC 5213 §8.8. Two numbers, for 64 bits are more than one holds exactly. */
import type { Timestamp } from "#pmip/packet/message";

/** Fractions in a second. */
const FRACTIONS = 0x1_0000;
/** One past the greatest number of seconds: 48 bits. */
const END = 2 ** 48;

/** As for `sort`: negative when `a` is the earlier, 0 when they are the same. */
export const compareTimestamps = (a: Timestamp, b: Timestamp): number =>
  a.seconds - b.seconds || a.fraction - b.fraction;

/**
 * The last one at or before a Unix time in milliseconds, which may have a fraction. RangeError before 1970 or beyond 48
 * bits.
 */
export function timestampAt(unixMillis: number): Timestamp {
  const seconds = Math.floor(unixMillis / 1000);
  if (!(seconds >= 0 && seconds < END)) throw new RangeError(`${unixMillis} ms is no time that a timestamp can say`);
  // Rounding may bring the product up to a whole second, which the next second would begin.
  const fraction = Math.min(Math.floor(((unixMillis - seconds * 1000) * FRACTIONS) / 1000), FRACTIONS - 1);
  return { seconds, fraction };
}

/** Unix time in milliseconds, exact to some 0.01 µs in this century. */
export const unixMillisOf = ({ seconds, fraction }: Timestamp): number =>
  seconds * 1000 + (fraction * 1000) / FRACTIONS;

/**
 * {@link timestampAt}, but later than `previous` in any case: a receiver takes none twice (RFC 5213 §5.5), and two
 * messages may be of the same millisecond.
 */
export function timestampAfter(previous: Timestamp, unixMillis: number): Timestamp {
  const now = timestampAt(unixMillis);
  if (compareTimestamps(now, previous) > 0) return now;
  const { seconds, fraction } = previous;
  return fraction + 1 < FRACTIONS ? { seconds, fraction: fraction + 1 } : { seconds: seconds + 1, fraction: 0 };
}
