/** The Poll Sequence as a table (RFC 5880 §6.5, §6.8.3). */

/**
 * due: begins with the next packet. sent: the neighbor was asked. stale: it was asked, and something changed since.
 * settling: it answered while stale; another sequence begins once a packet without Final has come, so that its Final
 * cannot be mistaken (§6.8.3, the third choice).
 */
export type PollState = "idle" | "due" | "sent" | "stale" | "settling";

export type PollEvent =
  /** A parameter that the neighbor has to acknowledge changed. */
  | "changed"
  /** A packet with the Poll bit went out. */
  | "asked"
  /** A packet with the Final bit came. */
  | "final"
  /** A packet without it came. */
  | "other";

/** A missing cell: nothing changes. */
export const POLL: Record<PollState, Partial<Record<PollEvent, PollState>>> = {
  idle: { changed: "due" },
  due: { asked: "sent" },
  sent: { changed: "stale", final: "idle" },
  stale: { final: "settling" },
  settling: { other: "due" },
};

/** Our periodic packets carry the Poll bit. */
export const isPolling = (poll: PollState): boolean => poll === "due" || poll === "sent" || poll === "stale";
