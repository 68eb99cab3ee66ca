/**
 * Coalesces consecutive TCP segments of a flow to a super-packet, for a port that takes them: what came through a tunnel was
 * cut at its other end, and a VM's TAP costs by the frame. Segments that differ in nothing but sequence number, length and
 * checksums become one frame that, cut again, gives the very same segments; it says how (virtio 1.2 §5.1.6.2).
 *
 * A segment is held where it lies until the next one of its flow comes, or the burst ends; nothing of a flow passes what is
 * held of it. What is merged has its payload copied once. A checksum that nobody has vouched for is looked at first: a
 * super-packet's are made anew by who cuts it, and would hide that a segment was broken.
 */
import { put16, u32 } from "#base/bytes";
import { fold, foldSmall } from "#base/checksum";
import { Frame, GSO_NONE, GSO_TCPV4, GSO_TCPV6, KIND_IPV4, UNUSUAL_EXTENSION } from "#fastpath/frame";
import { ALWAYS_FRAGMENTABLE } from "#fastpath/rewrite/six-to-four";
import type { Scratch } from "#fastpath/scratch";
import type { Tables } from "#fastpath/tables/tables";
import { PROTOCOL_TCP } from "#wire/protocol";

/** Flows held at once. */
const FLOWS = 8;
/** Largest IP packet, octets. */
const LARGEST = 65_535;
const TCP_HEADER = 20;
const TCP_CHECKSUM = 16;
const ETHERNET = 14;
const ACK = 0x10;
const PSH = 0x08;
/** Raw word of data offset, flags and window without PSH. */
const ALL_BUT_PSH = ~(PSH << 8);
/** Second word of an IPv4 header, raw: identification 0, don't fragment. */
const DONT_FRAGMENT = 0x0040_0000;

/** What is held of one flow. */
class Held {
  readonly frame = new Frame();
  /** Output port. */
  to = 0;
  /** Raw ports. */
  ports = 0;
  /** Payload octets of the first segment: no later one may have more, and one that has less is the last. */
  segment = 0;
  count = 0;
  /** Sequence number of the next segment. */
  sequence = 0;
}

/** Sends a frame out of a port. */
export type Send = (f: Frame, to: number) => boolean;

export class Coalescer {
  /** Flows of which something is held. */
  size = 0;
  readonly #tables: Tables;
  readonly #scratch: Scratch;
  readonly #send: Send;
  /** The first `size` hold something, the oldest first. */
  readonly #held: Held[] = Array.from({ length: FLOWS }, () => new Held());

  constructor(tables: Tables, scratch: Scratch, send: Send) {
    this.#tables = tables;
    this.#scratch = scratch;
    this.#send = send;
  }

  /**
   * A finished frame for a port that takes super-packets. True: it is held, and will be sent. False: it is the caller's to send,
   * now; what is held of its flow has been sent before it.
   */
  take(f: Frame, to: number): boolean {
    if (f.protocol !== PROTOCOL_TCP || f.l4 === 0 || !this.#mayBeHeld(f)) {
      this.makeWay(f, to);
      return false;
    }
    const i = this.#find(f, to);
    if (i >= 0 && this.#append(i, f)) return true;
    if (i >= 0) this.#flush(i);
    if (this.size === FLOWS) this.#flush(0);
    this.#hold(f, to);
    return true;
  }

  /** A frame that is not to be held is about to be sent: what is held of its flow goes first. */
  makeWay(f: Frame, to: number): void {
    if (this.size === 0) return;
    if (f.l4 === 0) {
      this.#flushPort(to); // a later fragment: it has no ports
    } else if (f.protocol === PROTOCOL_TCP) {
      const i = this.#find(f, to);
      if (i >= 0) this.#flush(i);
    }
  }

  /** Sends all that is held. */
  flush(): void {
    while (this.size > 0) this.#flush(0);
  }

  #flushPort(to: number): void {
    for (let i = this.size - 1; i >= 0; i--) if (this.#held[i]!.to === to) this.#flush(i);
  }

  #find(f: Frame, to: number): number {
    const { words } = this.#tables;
    const ports = words[f.l4 >> 2]!;
    for (let i = 0; i < this.size; i++) {
      const held = this.#held[i]!;
      if (held.ports === ports && held.to === to && this.#hasSameEnds(held.frame, f)) return i;
    }
    return -1;
  }

  #hasSameEnds(a: Frame, b: Frame): boolean {
    if (a.kind !== b.kind) return false;
    const { words } = this.#tables;
    const isIpv4 = a.kind === KIND_IPV4;
    const from = (a.l3 + (isIpv4 ? 12 : 8)) >> 2;
    const other = (b.l3 + (isIpv4 ? 12 : 8)) >> 2;
    let differs = 0;
    for (let i = isIpv4 ? 1 : 7; i >= 0; i--) differs |= words[from + i]! ^ words[other + i]!;
    return differs === 0;
  }

  /** Data and nothing else: ACK and perhaps PSH, no options of IP, a checksum that holds. */
  #mayBeHeld(f: Frame): boolean {
    const { bytes: b } = this.#tables;
    if (f.gsoType !== GSO_NONE || (b[f.l4 + 13]! & ~PSH) !== ACK) return false;
    const header = (b[f.l4 + 12]! >> 4) << 2;
    if (f.end - f.l4 <= header || f.l4 - f.l3 !== (f.kind === KIND_IPV4 ? 20 : 40)) return false;
    if ((f.unusual & ~UNUSUAL_EXTENSION) !== 0) return false;
    return f.partial || this.#checksumHolds(f);
  }

  #checksumHolds(f: Frame): boolean {
    const { bytes: b, words } = this.#tables;
    const isIpv4 = f.kind === KIND_IPV4;
    const length = f.end - f.l4;
    let raw = sumWords(words, f.l4 >> 2, length >> 2);
    for (let at = f.l4 + (length & ~3), shift = 0; at < f.end; at++, shift ^= 8) raw += b[at]! << shift;
    raw += sumWords(words, (f.l3 + (isIpv4 ? 12 : 8)) >> 2, isIpv4 ? 2 : 8);
    // Length and protocol in network order: the sum of raw half words is one too, its octets exchanged (RFC 1071 §2.B).
    raw += swapped(length) + (PROTOCOL_TCP << 8);
    return fold(raw) === 0xffff;
  }

  #hold(f: Frame, to: number): void {
    const { bytes: b, words } = this.#tables;
    const held = this.#held[this.size++]!;
    const { frame } = held;
    frame.at = f.at;
    frame.end = f.end;
    frame.port = f.port;
    frame.kind = f.kind;
    frame.protocol = f.protocol;
    frame.l3 = f.l3;
    frame.l4 = f.l4;
    frame.headerLength = f.l4 - f.at + ((b[f.l4 + 12]! >> 4) << 2);
    frame.partial = f.partial;
    frame.csumStart = f.csumStart;
    frame.csumOffset = f.csumOffset;
    frame.gsoType = GSO_NONE;
    held.to = to;
    held.ports = words[f.l4 >> 2]!;
    held.segment = f.end - f.at - frame.headerLength;
    held.count = 1;
    held.sequence = (u32(b, f.l4 + 4) + held.segment) | 0;
  }

  /** True when the segment, whose ends are those of what is held, is now part of it. */
  #append(i: number, f: Frame): boolean {
    const { bytes: b } = this.#tables;
    const held = this.#held[i]!;
    const { frame } = held;
    const header = (b[f.l4 + 12]! >> 4) << 2;
    const length = f.end - f.l4 - header;
    if (length > held.segment || (u32(b, f.l4 + 4) | 0) !== held.sequence) return false;
    if (frame.end - frame.l3 + length > LARGEST || !this.#isAlike(frame, f, header)) return false;
    if (held.count === 1) this.#beginSuper(held);
    b.copyWithin(frame.end, f.end - length, f.end);
    frame.end += length;
    held.count++;
    held.sequence = (held.sequence + length) | 0;
    // PSH is the last segment's (RFC 9293 §3.9.1.2), and whoever has less to send than would fit has no more for now.
    const push = b[f.l4 + 13]! & PSH;
    b[frame.l4 + 13]! |= push;
    if (push !== 0 || length < held.segment) this.#flush(i);
    return true;
  }

  /** Headers that are the same but for what differs from segment to segment, or is made from their lengths (six-to-four.ts). */
  #isAlike(frame: Frame, f: Frame, header: number): boolean {
    const { bytes: b, words: w } = this.#tables;
    if (frame.headerLength - (frame.l4 - frame.at) !== header) return false;
    const p = frame.l3 >> 2;
    const q = f.l3 >> 2;
    if (f.kind === KIND_IPV4) {
      if (((w[p]! ^ w[q]!) & 0xffff) !== 0 || b[frame.l3 + 8] !== b[f.l3 + 8]) return false; // type of service, TTL
    } else if (w[p] !== w[q] || b[frame.l3 + 7] !== b[f.l3 + 7]) return false;
    const t = frame.l4 >> 2;
    const u = f.l4 >> 2;
    // Acknowledgment; flags and window; options, timestamps among them.
    let differs = (w[t + 2]! ^ w[u + 2]!) | ((w[t + 3]! ^ w[u + 3]!) & ALL_BUT_PSH);
    for (let k = TCP_HEADER >> 2; k < header >> 2; k++) differs |= w[t + k]! ^ w[u + k]!;
    return differs === 0 && (b[frame.l4 + 13]! & PSH) === 0;
  }

  /** What was held where it lay moves to where it can grow. */
  #beginSuper({ frame }: Held): void {
    const { bytes: b } = this.#tables;
    const at = this.#scratch.take(ETHERNET + LARGEST);
    b.copyWithin(at, frame.at, frame.end);
    const moved = at - frame.at;
    frame.at += moved;
    frame.end += moved;
    frame.l3 += moved;
    frame.l4 += moved;
  }

  #flush(i: number): void {
    const held = this.#held[i]!;
    this.#held.copyWithin(i, i + 1, this.size);
    this.#held[--this.size] = held;
    if (held.count > 1) this.#describe(held);
    this.#send(held.frame, held.to);
  }

  /** Lengths and what follows from them, and the pseudo-header's sum in the checksum's place. */
  #describe({ frame, segment }: Held): void {
    const { bytes: b, words } = this.#tables;
    const { l3, l4, end } = frame;
    const isIpv4 = frame.kind === KIND_IPV4;
    if (isIpv4) {
      put16(b, l3 + 2, end - l3);
      if (end - l3 > ALWAYS_FRAGMENTABLE) words[(l3 + 4) >> 2] = DONT_FRAGMENT;
      put16(b, l3 + 10, 0);
      put16(b, l3 + 10, ~swapped(fold(sumWords(words, l3 >> 2, 5))) & 0xffff);
    } else {
      put16(b, l3 + 4, end - l3 - 40);
    }
    const ends = sumWords(words, (l3 + (isIpv4 ? 12 : 8)) >> 2, isIpv4 ? 2 : 8);
    put16(b, l4 + TCP_CHECKSUM, foldSmall(swapped(fold(ends)) + PROTOCOL_TCP + end - l4));
    frame.partial = true;
    frame.csumStart = l4 - frame.at;
    frame.csumOffset = TCP_CHECKSUM;
    frame.gsoType = isIpv4 ? GSO_TCPV4 : GSO_TCPV6;
    frame.gsoSize = segment;
  }
}

const swapped = (v: number): number => ((v & 0xff) << 8) | ((v >>> 8) & 0xff);

/** Sum of `count` words' raw halves; ≤ 32 768 words. */
function sumWords(words: Int32Array, from: number, count: number): number {
  let low = 0;
  let high = 0;
  for (let i = from, end = from + count; i < end; i++) {
    const word = words[i]!;
    low += word & 0xffff;
    high += word >>> 16;
  }
  return low + high;
}
