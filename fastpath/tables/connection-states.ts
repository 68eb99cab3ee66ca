/**
 * What a connection is doing, as seen by one who forwards its packets: a literal table of states and events, and how long
 * each state may be idle. TCP's states are those that RFC 6146 §3.5.2 gives a box in the middle, with the handshake of
 * RFC 9293 §3.5 told apart.
 *
 * The table never refuses a packet: the ends judge sequence numbers (RFC 9293 §3.10.7), and they know their windows. It
 * decides how much patience and protection an entry deserves, so that neither a flood nor a forged packet can hold or
 * break anything at little cost:
 *
 * - ESTABLISHED needs a handshake whose acknowledgments fit: who forges his source cannot see the sequence number to
 *   acknowledge, so he cannot make entries that last for hours.
 * - A packet in the middle of a connection, in a direction the rules allow, makes a PICKED_UP entry: VMs move between
 *   hypervisors, routers restart. It counts as unanswered until the other end has sent something.
 * - A RST may be forged, and only its receiver can tell (RFC 5961 §3.2). One with exactly the sequence number that the other
 *   end acknowledged last ends the connection: CLOSED. Any other makes it DOUBTFUL: kept for a shorter time, and good
 *   as ever once another packet comes (RFC 6146 §3.5.2.2, TRANS). A packet on a CLOSED connection makes it DOUBTFUL
 *   too, lest a lucky forger end it.
 * - A SYN on an open connection changes nothing: its receiver answers with an ACK, and the sender with a RST if it meant
 *   it (RFC 5961 §4.2). After the end it opens the connection again, if it comes from who opened it before; from the other
 *   end it is a new connection that the rules must allow: GONE.
 */

/** The control word's low bits. */
export const STATE_BITS = 5;
export const STATE_MASK: number = (1 << STATE_BITS) - 1;

/** A slot's control word as its next owner has it, the state apart. */
export const nextVersion = (control: number): number => (control & ~STATE_MASK) + (1 << STATE_BITS);

/** No entry. */
export const FREE = 0;
/** A thread is writing or removing the entry. */
export const CLAIMED = 1;
/** States from here on are an entry's. */
export const FIRST_STATE = 2;

export const SYN_SENT = 2;
export const SYN_RECEIVED = 3;
export const ESTABLISHED = 4;
export const PICKED_UP = 5;
export const FIN_FORWARD = 6;
export const FIN_BACK = 7;
export const FIN_BOTH = 8;
export const DOUBTFUL = 9;
export const CLOSED = 10;
export const UDP_NEW = 11;
export const UDP_REPLIED = 12;
export const ICMP_NEW = 13;
export const ICMP_REPLIED = 14;
export const OTHER_NEW = 15;
export const OTHER_REPLIED = 16;
export const STATES = 17;

/** Results that {@link NEXT} may hold besides a state. */
export const STAY = 0;
export const GONE = 1;

/** Names for operators, by state. */
export const STATE_NAMES: readonly string[] = [
  "free",
  "claimed",
  "syn-sent",
  "syn-received",
  "established",
  "picked-up",
  "fin-forward",
  "fin-back",
  "fin-both",
  "doubtful",
  "closed",
  "udp-new",
  "udp-replied",
  "icmp-new",
  "icmp-replied",
  "other-new",
  "other-replied",
];

/** Events come in pairs: from the end that sent the first packet, and (plus 1) from the other. */
export const SYN = 0;
/** A SYN that acknowledges the other end's SYN. */
export const SYN_ACK = 2;
/** Any other packet; in a handshake only one that acknowledges the other end's SYN. */
export const PACKET = 4;
export const FIN = 6;
/** A RST with the sequence number that its receiver expects. */
export const RESET = 8;
export const DOUBTFUL_RESET = 10;
/** Means nothing, whatever the state. */
export const NOTHING = 12;
export const EVENTS = 14;
/** To be added to an event that comes from the end that did not send the first packet. */
export const FROM_BACK = 1;

type Row = Readonly<Record<number, number>>;

/** By state, then event. A missing cell: the state stays. */
const ROWS: Readonly<Record<number, Row>> = {
  [SYN_SENT]: {
    [SYN + FROM_BACK]: SYN_RECEIVED, // both open at once: RFC 9293 §3.5
    [SYN_ACK + FROM_BACK]: SYN_RECEIVED,
    [RESET + FROM_BACK]: CLOSED,
  },
  [SYN_RECEIVED]: {
    [SYN_ACK]: ESTABLISHED, // both opened at once
    [PACKET]: ESTABLISHED,
    [FIN]: FIN_FORWARD,
    [RESET]: CLOSED,
    [RESET + FROM_BACK]: CLOSED,
  },
  [ESTABLISHED]: {
    [FIN]: FIN_FORWARD,
    [FIN + FROM_BACK]: FIN_BACK,
    [RESET]: CLOSED,
    [RESET + FROM_BACK]: CLOSED,
    [DOUBTFUL_RESET]: DOUBTFUL,
    [DOUBTFUL_RESET + FROM_BACK]: DOUBTFUL,
  },
  [PICKED_UP]: {
    [PACKET + FROM_BACK]: ESTABLISHED,
    [FIN + FROM_BACK]: FIN_BACK,
    [RESET + FROM_BACK]: CLOSED,
  },
  [FIN_FORWARD]: {
    [FIN + FROM_BACK]: FIN_BOTH,
    [RESET]: CLOSED,
    [RESET + FROM_BACK]: CLOSED,
    [DOUBTFUL_RESET]: DOUBTFUL,
    [DOUBTFUL_RESET + FROM_BACK]: DOUBTFUL,
  },
  [FIN_BACK]: {
    [FIN]: FIN_BOTH,
    [RESET]: CLOSED,
    [RESET + FROM_BACK]: CLOSED,
    [DOUBTFUL_RESET]: DOUBTFUL,
    [DOUBTFUL_RESET + FROM_BACK]: DOUBTFUL,
  },
  [FIN_BOTH]: {
    [SYN]: SYN_SENT, // a new incarnation out of TIME-WAIT: RFC 9293 §3.6.1
    [SYN + FROM_BACK]: GONE,
    [RESET]: CLOSED,
    [RESET + FROM_BACK]: CLOSED,
  },
  [DOUBTFUL]: {
    [PACKET]: ESTABLISHED,
    [PACKET + FROM_BACK]: ESTABLISHED,
    [FIN]: FIN_FORWARD,
    [FIN + FROM_BACK]: FIN_BACK,
    [RESET]: CLOSED,
    [RESET + FROM_BACK]: CLOSED,
  },
  [CLOSED]: {
    [SYN]: SYN_SENT,
    [SYN + FROM_BACK]: GONE,
    [PACKET]: DOUBTFUL,
    [PACKET + FROM_BACK]: DOUBTFUL,
  },
  [UDP_NEW]: { [PACKET + FROM_BACK]: UDP_REPLIED },
  [ICMP_NEW]: { [PACKET + FROM_BACK]: ICMP_REPLIED },
  [OTHER_NEW]: { [PACKET + FROM_BACK]: OTHER_REPLIED },
};

/** {@link ROWS} flat: [state · EVENTS + event] is the next state, STAY or GONE. */
export const NEXT: Uint8Array = flat(ROWS);

function flat(rows: Readonly<Record<number, Row>>): Uint8Array {
  const cells = new Uint8Array(STATES * EVENTS);
  for (const [state, row] of Object.entries(rows))
    for (const [event, next] of Object.entries(row)) cells[Number(state) * EVENTS + Number(event)] = next;
  return cells;
}

/**
 * 1: a new connection may take the entry's place when there is no other room. Entries that nobody has answered, so that
 * a flood costs floods; and entries whose connection is over. A flood that a VM answers (forged queries to a name server)
 * is bounded by the VM's quota instead.
 */
export const REPLACEABLE: Uint8Array = Uint8Array.from({ length: STATES }, (_, state) =>
  [SYN_SENT, SYN_RECEIVED, PICKED_UP, FIN_BOTH, CLOSED, UDP_NEW, ICMP_NEW, OTHER_NEW].includes(state) ? 1 : 0,
);

/** Steps of the coarse clock in a second. */
export const TICKS_PER_SECOND = 10;

/** The coarse clock, of nanoseconds of the monotonic one: the same for all threads, and 32 bits, which may wrap. */
export const connectionTicks = (nanos: number): number => Math.floor(nanos / (1e9 / TICKS_PER_SECOND)) | 0;

/** How long an entry may be idle, seconds. */
export interface Timeouts {
  /** Handshake, both FINs seen, doubtful, picked up and not answered yet. At least 240 (RFC 5382 §5, REQ-5). */
  readonly tcpTransitory: number;
  /** At least 7440: 2 h 4 min (RFC 5382 §5, REQ-5). A connection with one FIN is open in the other direction. */
  readonly tcpEstablished: number;
  /** After a RST that was surely meant. */
  readonly tcpClosed: number;
  /** At least 120 (RFC 4787 §4.3, REQ-5). */
  readonly udpNew: number;
  /** 300 or more is recommended (RFC 4787 §4.3, REQ-5). */
  readonly udpReplied: number;
  /** At least 60 (RFC 5508 §3.2, REQ-2). */
  readonly icmp: number;
  readonly otherNew: number;
  readonly otherReplied: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = {
  tcpTransitory: 240,
  tcpEstablished: 7440,
  tcpClosed: 10,
  udpNew: 120,
  udpReplied: 300,
  icmp: 60,
  otherNew: 120,
  otherReplied: 600,
};

/** Ticks by state. */
export function timeoutTicks(t: Timeouts): Int32Array {
  const ticks = new Int32Array(STATES);
  const set = (seconds: number, ...states: number[]): void => {
    for (const state of states) ticks[state] = Math.ceil(seconds * TICKS_PER_SECOND);
  };
  set(t.tcpTransitory, SYN_SENT, SYN_RECEIVED, PICKED_UP, FIN_BOTH, DOUBTFUL);
  set(t.tcpEstablished, ESTABLISHED, FIN_FORWARD, FIN_BACK);
  set(t.tcpClosed, CLOSED);
  set(t.udpNew, UDP_NEW);
  set(t.udpReplied, UDP_REPLIED);
  set(t.icmp, ICMP_NEW, ICMP_REPLIED);
  set(t.otherNew, OTHER_NEW);
  set(t.otherReplied, OTHER_REPLIED);
  return ticks;
}
