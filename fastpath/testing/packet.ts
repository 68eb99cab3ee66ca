/**
 * Packets as data: what a test says of a packet becomes octets, right in every field the test does not lie about.
 * The inverse, for messages about failed tests, is describe.ts.
 */
import { put16, put32 } from "#base/bytes";
import { onesSum, plainChecksum } from "#fastpath/testing/plain-checksum";

/** "partial": the pseudo-header's sum alone, as an offloading sender leaves it. A number goes in as it is. */
export type Checksum = "right" | "wrong" | "partial" | number;

export interface Tcp {
  readonly kind: "tcp";
  readonly source?: number;
  readonly destination?: number;
  readonly sequence?: number;
  /** Default 0x01020304. */
  readonly acknowledgment?: number;
  /** FIN 1, SYN 2, RST 4, PSH 8, ACK 16; default ACK. */
  readonly flags?: number;
  /** Padded with zeros to whole words. */
  readonly options?: Uint8Array;
  readonly data?: Uint8Array;
  /** 32-bit words; default: what the options need. */
  readonly dataOffset?: number;
  readonly checksum?: Checksum;
}

export interface Udp {
  readonly kind: "udp";
  readonly source?: number;
  readonly destination?: number;
  readonly data?: Uint8Array;
  /** The length field; default: the truth. */
  readonly length?: number;
  readonly checksum?: Checksum;
}

/** ICMPv4 in an IPv4 packet, ICMPv6 in an IPv6 packet. */
export interface Icmp {
  readonly kind: "icmp";
  readonly type: number;
  readonly code?: number;
  /** The 32 bits after the checksum; default 0. */
  readonly rest?: number;
  /** All after the first 8 octets: data, or a quoted packet and what follows it. */
  readonly body?: Uint8Array;
  readonly checksum?: Checksum;
}

/** Anything else: another protocol, a piece of a datagram, nonsense. */
export interface Raw {
  readonly kind: "raw";
  readonly protocol: number;
  readonly data: Uint8Array;
}

export type Upper = Tcp | Udp | Icmp | Raw;

export interface Ip4 {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly upper: Upper;
  readonly tos?: number;
  readonly identification?: number;
  readonly dontFragment?: boolean;
  readonly moreFragments?: boolean;
  /** In units of 8 octets. */
  readonly offset?: number;
  readonly ttl?: number;
  /** Padded with zeros to whole words. */
  readonly options?: Uint8Array;
  /** Default: the truth. */
  readonly totalLength?: number;
  readonly checksum?: "right" | "wrong";
}

export interface Extension {
  /** Its own number: 0, 43, 60 … */
  readonly header: number;
  /** All after next header and length: 6 + 8n octets. */
  readonly body: Uint8Array;
  /** The length octet; default: the truth. */
  readonly length?: number;
}

/** A Fragment header. */
export interface FragmentExtension {
  readonly header: 44;
  /** In units of 8 octets. */
  readonly offset: number;
  readonly more: boolean;
  readonly identification: number;
}

export interface Ip6 {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly upper: Upper;
  readonly trafficClass?: number;
  readonly flowLabel?: number;
  readonly hopLimit?: number;
  readonly extensions?: readonly (Extension | FragmentExtension)[];
  /** Default: the truth. */
  readonly payloadLength?: number;
}

const PROTOCOLS = { tcp: 6, udp: 17 } as const;

export function build4(p: Ip4): Uint8Array {
  const options = wholeWords(p.options);
  const protocol = protocolOf(p.upper, 1);
  const payload = buildUpper(p.upper, [...p.source, ...p.destination], false);
  const header = new Uint8Array(20 + options.length);
  header[0] = 0x40 | (header.length >> 2);
  header[1] = p.tos ?? 0;
  put16(header, 2, p.totalLength ?? header.length + payload.length);
  put16(header, 4, p.identification ?? 0);
  put16(header, 6, (p.dontFragment ? 0x4000 : 0) | (p.moreFragments ? 0x2000 : 0) | (p.offset ?? 0));
  header[8] = p.ttl ?? 64;
  header[9] = protocol;
  header.set(p.source, 12);
  header.set(p.destination, 16);
  header.set(options, 20);
  put16(header, 10, plainChecksum(header) ^ (p.checksum === "wrong" ? 0x5a5a : 0));
  return together(header, payload);
}

export function build6(p: Ip6): Uint8Array {
  const protocol = protocolOf(p.upper, 58);
  const payload = buildUpper(p.upper, [...p.source, ...p.destination], true);
  const extensions = p.extensions ?? [];
  const carried = extensions.map((e, i) => buildExtension(e, extensions[i + 1]?.header ?? protocol));
  const header = new Uint8Array(40);
  put32(header, 0, (6 << 28) | ((p.trafficClass ?? 0) << 20) | (p.flowLabel ?? 0));
  const length = carried.reduce((sum, e) => sum + e.length, payload.length);
  put16(header, 4, p.payloadLength ?? length);
  header[6] = extensions[0]?.header ?? protocol;
  header[7] = p.hopLimit ?? 64;
  header.set(p.source, 8);
  header.set(p.destination, 24);
  return together(header, ...carried, payload);
}

function buildExtension(e: Extension | FragmentExtension, next: number): Uint8Array {
  if (!("body" in e)) {
    const header = Uint8Array.of(next, 0, 0, 0, 0, 0, 0, 0);
    put16(header, 2, (e.offset << 3) | (e.more ? 1 : 0));
    put32(header, 4, e.identification);
    return header;
  }
  return together(Uint8Array.of(next, e.length ?? (e.body.length - 6) >> 3), e.body);
}

function protocolOf(upper: Upper, icmp: number): number {
  if (upper.kind === "raw") return upper.protocol;
  return upper.kind === "icmp" ? icmp : PROTOCOLS[upper.kind];
}

function buildUpper(upper: Upper, addresses: readonly number[], ipv6: boolean): Uint8Array {
  switch (upper.kind) {
    case "raw":
      return upper.data;
    case "tcp":
      return withChecksum(buildTcp(upper), 16, pseudo(addresses, 6), upper.checksum);
    case "udp": {
      const b = buildUdp(upper);
      // What follows the datagram's own length is not covered (RFC 768).
      const covered = Math.max(8, Math.min(upper.length ?? b.length, b.length));
      const summed = withChecksum(b.slice(0, covered), 6, pseudo(addresses, 17), upper.checksum);
      if ((upper.checksum ?? "right") === "right" && summed[6] === 0 && summed[7] === 0) put16(summed, 6, 0xffff);
      return together(summed, b.slice(covered));
    }
    case "icmp":
      return withChecksum(buildIcmp(upper), 2, ipv6 ? pseudo(addresses, 58) : undefined, upper.checksum);
  }
}

/** Sum of a pseudo-header by upper-layer length. */
const pseudo = (addresses: readonly number[], protocol: number) => (length: number) =>
  onesSum([...addresses, 0, protocol, length >> 8, length & 0xff]);

function withChecksum(
  b: Uint8Array,
  at: number,
  pseudoSum: ((length: number) => number) | undefined,
  wanted: Checksum = "right",
): Uint8Array {
  if (typeof wanted === "number") {
    put16(b, at, wanted);
    return b;
  }
  const sum = pseudoSum?.(b.length) ?? 0;
  const right = plainChecksum(together(Uint8Array.of(sum >> 8, sum & 0xff), b));
  put16(b, at, wanted === "partial" ? sum : wanted === "wrong" ? right ^ 0x0101 : right);
  return b;
}

function buildTcp(t: Tcp): Uint8Array {
  const options = wholeWords(t.options);
  const b = new Uint8Array(20 + options.length);
  put16(b, 0, t.source ?? 49152);
  put16(b, 2, t.destination ?? 80);
  put32(b, 4, t.sequence ?? 1);
  put32(b, 8, t.acknowledgment ?? 0x01020304);
  b[12] = (t.dataOffset ?? b.length >> 2) << 4;
  b[13] = t.flags ?? 16;
  put16(b, 14, 0x7000);
  b.set(options, 20);
  return together(b, t.data ?? new Uint8Array(0));
}

function buildUdp(u: Udp): Uint8Array {
  const data = u.data ?? new Uint8Array(0);
  const b = new Uint8Array(8);
  put16(b, 0, u.source ?? 49152);
  put16(b, 2, u.destination ?? 7);
  put16(b, 4, u.length ?? 8 + data.length);
  return together(b, data);
}

function buildIcmp(i: Icmp): Uint8Array {
  const b = new Uint8Array(8);
  b[0] = i.type;
  b[1] = i.code ?? 0;
  put32(b, 4, i.rest ?? 0);
  return together(b, i.body ?? new Uint8Array(0));
}

function wholeWords(options: Uint8Array = new Uint8Array(0)): Uint8Array {
  const padded = new Uint8Array((options.length + 3) & ~3);
  padded.set(options);
  return padded;
}

/** One after the other. */
export function together(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** `length` octets that count up from `first`: data that a test can recognise. */
export const counting = (length: number, first = 0): Uint8Array => Uint8Array.from({ length }, (_, i) => first + i);

/** The pieces of a built IPv4 packet without options, `size` payload octets each (a multiple of 8). RFC 791 §3.2. */
export function fragments4(packet: Ip4, size: number): Uint8Array[] {
  const payload = build4(packet).slice(20);
  const protocol = protocolOf(packet.upper, 1);
  return pieces(payload.length, size).map((at) =>
    build4({
      ...packet,
      offset: at >> 3,
      moreFragments: at + size < payload.length,
      upper: { kind: "raw", protocol, data: payload.slice(at, at + size) },
    }),
  );
}

/** The same for an IPv6 packet without extension headers. RFC 8200 §4.5. */
export function fragments6(packet: Ip6, size: number, identification: number): Uint8Array[] {
  const payload = build6(packet).slice(40);
  const protocol = protocolOf(packet.upper, 58);
  return pieces(payload.length, size).map((at) =>
    build6({
      ...packet,
      extensions: [{ header: 44, offset: at >> 3, more: at + size < payload.length, identification }],
      upper: { kind: "raw", protocol, data: payload.slice(at, at + size) },
    }),
  );
}

const pieces = (length: number, size: number): number[] =>
  Array.from({ length: Math.ceil(length / size) }, (_, i) => i * size);

/** Ethernet around an IP packet of either family. */
export function framed(packet: Uint8Array, destination: Uint8Array, source: Uint8Array): Uint8Array {
  const type = packet[0] !== undefined && packet[0] >> 4 === 6 ? [0x86, 0xdd] : [0x08, 0x00];
  return together(destination, source, Uint8Array.from(type), packet);
}
