/** What a TCP segment means to its connection: RFC 9293 §3.10.7, as far as one who only forwards can tell. */
import {
  DOUBTFUL_RESET,
  FIN,
  NOTHING,
  PACKET,
  PICKED_UP,
  RESET,
  SYN,
  SYN_ACK,
  SYN_RECEIVED,
  SYN_SENT,
} from "#fastpath/tables/connection-states";

export const FLAG_FIN = 0x01;
export const FLAG_SYN = 0x02;
export const FLAG_RST = 0x04;
export const FLAG_ACK = 0x10;

/** Farthest past the SYN that a handshake may acknowledge: its window is not scaled yet (RFC 7323 §2.2). */
const FIRST_WINDOW = 65535;

/** State of a connection that begins with such a segment; 0: it begins none. */
export function firstTcpState(flags: number): number {
  if ((flags & FLAG_RST) !== 0) return 0;
  return (flags & (FLAG_SYN | FLAG_ACK)) === FLAG_SYN ? SYN_SENT : PICKED_UP;
}

/** A described segment; numbers may be signed. */
export interface Segment {
  /** Word indexes, of the end that sent it and of the other: the sequence number after the SYN; what was acknowledged. */
  myStart: number;
  theirStart: number;
  myAcknowledged: number;
  theirAcknowledged: number;
  flags: number;
  sequence: number;
  acknowledgment: number;
}

/** The event (for the end that began; the caller adds FROM_BACK) that a segment is to a connection in this state. */
export function tcpEvent(words: Int32Array, state: number, s: Segment): number {
  const { flags, theirStart } = s;
  if ((flags & FLAG_RST) !== 0) return isMeant(words, state, s) ? RESET : DOUBTFUL_RESET;
  if ((flags & FLAG_SYN) !== 0) {
    if ((flags & FLAG_ACK) === 0) return SYN;
    return acknowledges(words[theirStart]!, s) ? SYN_ACK : NOTHING;
  }
  if (state === SYN_RECEIVED && !acknowledges(words[theirStart]!, s)) return NOTHING;
  return (flags & FLAG_FIN) !== 0 ? FIN : PACKET;
}

/** A RST must be in sequence; the answer to a SYN must acknowledge it instead. RFC 5961 §3.2. */
function isMeant(words: Int32Array, state: number, s: Segment): boolean {
  if (state === SYN_SENT && (s.flags & FLAG_ACK) !== 0) return acknowledges(words[s.theirStart]!, s);
  return (words[s.theirAcknowledged]! | 0) === (s.sequence | 0);
}

const acknowledges = (start: number, s: Segment): boolean =>
  (s.flags & FLAG_ACK) !== 0 && (s.acknowledgment - start) >>> 0 <= FIRST_WINDOW;

/** Remembers what later segments are measured by. `next`: the state the segment led to. */
export function noteSegment(words: Int32Array, state: number, next: number, s: Segment): void {
  const { flags, myAcknowledged } = s;
  if ((flags & FLAG_RST) !== 0) return; // forged, perhaps
  if ((flags & FLAG_SYN) !== 0 && (state === SYN_SENT || next === SYN_SENT)) {
    words[s.myStart] = s.sequence + 1;
    if (next !== SYN_SENT) words[s.theirAcknowledged] = s.sequence + 1; // as it will
  }
  // Most packets of a one-way transfer acknowledge the same: the line stays clean.
  if ((flags & FLAG_ACK) !== 0 && words[myAcknowledged] !== s.acknowledgment) words[myAcknowledged] = s.acknowledgment;
}
