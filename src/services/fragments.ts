/**
 * Packets of this router's own that are larger than a link, cut up and put together again: RFC 8200 §4.5. What is
 * forwarded is never cut, and fragments for others never put together.
 */
import { put8, put16, put32, toHex, u8 } from "#base/bytes";
import type { Millis } from "#base/time";
import * as ipv6 from "#wire/ipv6";
import { PROTOCOL_FRAGMENT } from "#wire/protocol";

/** An IPv6 packet without extension headers, in fragments of at most `mtu` octets each; itself when it fits. */
export function fragment(packet: Uint8Array, mtu: number, identification: number): Uint8Array[] {
  if (packet.length <= mtu) return [packet];
  const room = (mtu - ipv6.SIZE - ipv6.FRAGMENT_SIZE) & ~7;
  const fragments: Uint8Array[] = [];
  for (let at = ipv6.SIZE; at < packet.length; at += room) {
    const data = packet.subarray(at, at + room);
    const isLast = at + room >= packet.length;
    const b = new Uint8Array(ipv6.SIZE + ipv6.FRAGMENT_SIZE + data.length);
    b.set(packet.subarray(0, ipv6.SIZE));
    ipv6.setPayloadLength(b, 0, ipv6.FRAGMENT_SIZE + data.length);
    ipv6.setNextHeader(b, 0, PROTOCOL_FRAGMENT);
    put8(b, ipv6.SIZE, ipv6.nextHeader(packet, 0));
    put16(b, ipv6.SIZE + 2, (at - ipv6.SIZE) | (isLast ? 0 : ipv6.FRAGMENT_MORE));
    put32(b, ipv6.SIZE + 4, identification);
    b.set(data, ipv6.SIZE + ipv6.FRAGMENT_SIZE);
    fragments.push(b);
  }
  return fragments;
}

/** What was in a packet that came in fragments. */
export interface Whole {
  /** Of the first header after the Fragment header. */
  readonly protocol: number;
  readonly octets: Uint8Array;
}

interface Part {
  readonly from: number;
  readonly octets: Uint8Array;
}

interface Assembly {
  readonly until: Millis;
  /** In no order, not overlapping. */
  readonly parts: Part[];
  /** Octets of all parts. */
  held: number;
  /** Of the whole; undefined until the last fragment came. */
  length: number | undefined;
  /** Undefined until the first fragment came. */
  protocol: number | undefined;
}

/** From the first fragment on (§4.5). */
const PATIENCE: Millis = 60_000;
/** At most so many at once, the oldest given up first: 4 MiB of fragments in the worst case. */
const MOST = 64;
const LARGEST = 65_535; // octets

/** Fragments of packets for this router. */
export class Reassembly {
  private readonly assemblies = new Map<string, Assembly>();

  /** Packets that are not whole yet. */
  get size(): number {
    return this.assemblies.size;
  }

  /**
   * The packet at `at`, whose Fragment header `extensions()` found at `fragmentHeader`; `end`: one past its last octet.
   * Answers the whole once this was its last missing piece.
   */
  take(
    b: Uint8Array,
    { at, fragmentHeader, end }: { at: number; fragmentHeader: number; end: number },
    now: Millis,
  ): Whole | undefined {
    this.forget(now);
    const key = toHex(b.subarray(at + ipv6.SOURCE, at + ipv6.SIZE)) + ipv6.fragmentIdentification(b, fragmentHeader);
    const from = 8 * ipv6.fragmentOffset(b, fragmentHeader);
    const more = ipv6.moreFragments(b, fragmentHeader);
    const octets = b.slice(fragmentHeader + ipv6.FRAGMENT_SIZE, end);
    const assembly = this.assemblies.get(key) ?? this.begin(key, now);
    if (isRepeated(assembly, from, octets)) return undefined;
    if (!fits(assembly, from, octets.length, more)) {
      this.assemblies.delete(key); // §4.5: with an overlap nothing of it is to be believed (RFC 5722)
      return undefined;
    }
    assembly.parts.push({ from, octets });
    assembly.held += octets.length;
    if (from === 0) assembly.protocol = u8(b, fragmentHeader);
    if (!more) assembly.length = from + octets.length;
    if (assembly.held !== assembly.length) return undefined;
    this.assemblies.delete(key);
    return wholeOf(assembly);
  }

  private begin(key: string, now: Millis): Assembly {
    if (this.assemblies.size >= MOST) this.assemblies.delete(this.assemblies.keys().next().value!);
    const assembly: Assembly = { until: now + PATIENCE, parts: [], held: 0, length: undefined, protocol: undefined };
    this.assemblies.set(key, assembly);
    return assembly;
  }

  /** They lie in the order they began in. */
  private forget(now: Millis): void {
    for (const [key, { until }] of this.assemblies) {
      if (until > now) return;
      this.assemblies.delete(key);
    }
  }
}

/** A copy of a fragment that is there, which networks make: no overlap that means harm. */
const isRepeated = ({ parts }: Assembly, from: number, octets: Uint8Array): boolean =>
  parts.some((part) => part.from === from && Buffer.compare(part.octets, octets) === 0);

/** §4.5: whole units of 8 octets but for the last, nothing beyond 65 535 or the end, nothing twice. */
function fits({ parts, length }: Assembly, from: number, octets: number, more: boolean): boolean {
  const end = from + octets;
  if (octets === 0 || end > LARGEST || (more && octets % 8 !== 0)) return false;
  if (length !== undefined && (!more || end > length)) return false;
  const isFree = parts.every((part) => end <= part.from || from >= part.from + part.octets.length);
  return isFree && (more || parts.every((part) => part.from + part.octets.length <= end));
}

/** All octets are there, none twice: so there is a first fragment, and a protocol. */
function wholeOf({ parts, held, protocol }: Assembly): Whole {
  const octets = new Uint8Array(held);
  for (const part of parts) octets.set(part.octets, part.from);
  return { protocol: protocol!, octets };
}
