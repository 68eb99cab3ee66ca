/**
 * Stamps order attachments. A stamp is a Timestamp option's value (RFC 5213 §8.8) as one number: 1/65536 s since 1970,
 * exact until the year 4147.
 *
 * What is stamped is the *attachment* of a VM to a hypervisor, not the message that tells of it: the timestamp "that is
 * increasing at every attachment" of RFC 5213 §5.5, whose receiver does not compare it with its clock
 * (MobileNodeGeneratedTimestampInUse). So a hypervisor that slept through a VM's departure cannot call it back by a new
 * message about an old attachment, whichever of them its home hears first. Each further message about the same attachment
 * has a stamp a little later, for none is taken twice. Whether a message itself is fresh is asked elsewhere (replay.ts).
 */
import type { Millis } from "#base/time";
import type { Timestamp } from "#pmip/packet/message";

/** 1/65536 s. */
export type Stamp = number;

const TICKS = 65_536;
/** One past the greatest: 2^53 ticks. */
const END_SECONDS = 2 ** 37;

/** The last one at or before a Unix time; of a span, its length. In seconds and the rest, lest the product be inexact. */
export function stampOf(unix: Millis): Stamp {
  const seconds = Math.floor(unix / 1000);
  return seconds * TICKS + Math.floor(((unix - seconds * 1000) * TICKS) / 1000);
}

/** The first whole millisecond that is not before it. */
export function millisOf(stamp: Stamp): Millis {
  const seconds = Math.floor(stamp / TICKS);
  return seconds * 1000 + Math.ceil(((stamp - seconds * TICKS) * 1000) / TICKS);
}

export const timestampOf = (stamp: Stamp): Timestamp => ({
  seconds: Math.floor(stamp / TICKS),
  fraction: stamp % TICKS,
});

/** Undefined for one so far in the future that it is no time. */
export const stampIn = ({ seconds, fraction }: Timestamp): Stamp | undefined =>
  seconds < END_SECONDS ? seconds * TICKS + fraction : undefined;

/**
 * A stamp for a message about an attachment: later than the last one's. By a tick for every second since the claim, so
 * that a restarted router which remembers the claim alone is still ahead of what it sent before.
 */
export const nextStamp = (claim: Stamp, last: Stamp, now: Millis): Stamp =>
  Math.max(claim + Math.max(0, Math.floor((now - millisOf(claim)) / 1000)), last + 1);
