/**
 * Neighbor Unreachability Detection as a table: RFC 4861 §7.2, §7.3 and the summary in its appendix C.
 *
 * Where appendix C and the text differ, the text (§7.2.5) is followed: a solicited advertisement without a link-layer
 * address confirms reachability (the answer to a unicast probe may omit it, §7.2.4), and one without the Override flag
 * that names another address makes a REACHABLE entry STALE, solicited or not.
 */

/** PERMANENT: set by the operator. NONE: not in the cache. FAILED: as NONE for senders, see {@link NUD}. */
export type State = "PERMANENT" | "NONE" | "INCOMPLETE" | "REACHABLE" | "STALE" | "DELAY" | "PROBE" | "FAILED";

export type NudEvent =
  /** Something wants to go there, or went. */
  | "packetToSend"
  /** Something wants to go there, but there is no link to ask on, or the address is none a neighbor can have. */
  | "cannotAsk"
  /** NS, RS or RA from the neighbor with a link-layer address that is new to the entry. */
  | "learned"
  /** NA that confirms reachability: Solicited; what it says of the link-layer address may be recorded. */
  | "solicitedAdvertisement"
  /** NA, not Solicited, that brings a link-layer address which may be recorded and is new to the entry. */
  | "changedAdvertisement"
  /** NA without Override that names another link-layer address than the entry. */
  | "conflictingAdvertisement"
  /** An upper layer saw an answer (§7.3.1). */
  | "confirmed"
  /** RetransTimer after a solicitation; fewer than the allowed number were sent. */
  | "retransmitTimeout"
  /** RetransTimer after the last one. */
  | "lastTimeout"
  /** End of the time in REACHABLE, DELAY or FAILED. */
  | "timeout";

export type Action =
  /** Take the link-layer address from the message. */
  | "record"
  /** Packets held for the neighbor go out. */
  | "release"
  /** Senders are to be refused from now on; before "fail", lest a held packet comes back as one to be resolved. */
  | "refuse"
  /** Packets held for the neighbor cannot be delivered: ICMP address unreachable. */
  | "fail"
  /** Forget the link-layer address: senders must ask again. */
  | "withdraw";

export interface Transition {
  /** The state to enter, anew if it is the present one: its timer starts, its solicitation is sent. Absent: stay. */
  readonly to?: State;
  readonly actions: readonly Action[];
}

const to = (state: State, ...actions: Action[]): Transition => ({ to: state, actions });
const stay = (...actions: Action[]): Transition => ({ actions });

/**
 * A missing cell is an event that means nothing in that state.
 *
 * FAILED is an entry that §7.3.3 would delete. It is kept a little longer so that the fast path may answer senders by
 * itself, and so that they cannot make the router solicit more often than §7.2.2 allows.
 */
export const NUD: Record<State, Partial<Record<NudEvent, Transition>>> = {
  PERMANENT: {
    packetToSend: stay("release"),
    cannotAsk: stay("refuse", "fail"),
  },
  NONE: {
    packetToSend: to("INCOMPLETE"),
    cannotAsk: to("FAILED", "refuse", "fail"),
    learned: to("STALE", "record"),
  },
  INCOMPLETE: {
    packetToSend: stay(),
    learned: to("STALE", "record", "release"),
    solicitedAdvertisement: to("REACHABLE", "record", "release"),
    changedAdvertisement: to("STALE", "record", "release"),
    retransmitTimeout: to("INCOMPLETE"),
    lastTimeout: to("FAILED", "refuse", "fail"),
  },
  REACHABLE: {
    packetToSend: stay("release"),
    learned: to("STALE", "record"),
    solicitedAdvertisement: to("REACHABLE", "record"),
    changedAdvertisement: to("STALE", "record"),
    conflictingAdvertisement: to("STALE"),
    confirmed: to("REACHABLE"),
    timeout: to("STALE"),
  },
  STALE: {
    packetToSend: to("DELAY", "release"),
    learned: to("STALE", "record"),
    solicitedAdvertisement: to("REACHABLE", "record"),
    changedAdvertisement: to("STALE", "record"),
    confirmed: to("REACHABLE"),
  },
  DELAY: {
    packetToSend: stay("release"),
    learned: to("STALE", "record"),
    solicitedAdvertisement: to("REACHABLE", "record"),
    changedAdvertisement: to("STALE", "record"),
    confirmed: to("REACHABLE"),
    timeout: to("PROBE"),
  },
  PROBE: {
    packetToSend: stay("release"),
    learned: to("STALE", "record"),
    solicitedAdvertisement: to("REACHABLE", "record"),
    changedAdvertisement: to("STALE", "record"),
    confirmed: to("REACHABLE"),
    retransmitTimeout: to("PROBE"),
    lastTimeout: to("NONE", "withdraw"),
  },
  FAILED: {
    packetToSend: stay("fail"),
    cannotAsk: stay("fail"),
    learned: to("STALE", "record"),
    timeout: to("NONE", "withdraw"),
  },
};
