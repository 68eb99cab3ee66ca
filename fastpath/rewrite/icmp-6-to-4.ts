/**
 * ICMPv6 → ICMPv4, errors with the packet they quote. RFC 7915 §5.2, §5.3; RFC 4884.
 *
 * In place: the quoted IPv6 header and its extension headers shrink to an IPv4 header that ends where they ended;
 * `f.payload` moves to the new ICMP header and six-to-four.ts writes the outer header before it.
 */
import { move, put16, put32, u16, u32 } from "#base/bytes";
import { finish, fold, sum, update } from "#base/checksum";
import { R_LIMITS } from "#fastpath/decision";
import { type Frame, UNUSUAL_FRAGMENT, UNUSUAL_ICMP_ERROR } from "#fastpath/frame";
import {
  DROP,
  ECHO_REPLY_4,
  ECHO_REPLY_6,
  ECHO_REQUEST_4,
  ECHO_REQUEST_6,
  FRAGMENTATION_NEEDED_4,
  PARAMETER_PROBLEM_4,
  pointerTo4,
  TIME_EXCEEDED_4,
  typeTo4,
  UNREACHABLE_4,
} from "#fastpath/rewrite/icmp-tables";
import { MAX_EXTENSIONS, mayNotFollowFragment } from "#fastpath/stages/classify";
import { maySendAs4 } from "#fastpath/stages/translatable";
import { P_MTU, PORT_WORDS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { BAD_EMBEDDED, BAD_TRANSPORT, CONTINUE, ICMP_UNTRANSLATABLE, type Verdict } from "#fastpath/verdicts";
import { PROTOCOL_ICMP4, PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP } from "#wire/protocol";

const ICMP_HEADER = 8;
const IPV6_HEADER = 40;
const IPV4_HEADER = 20;
/** With extensions behind it a quoted datagram fills at least so many octets. RFC 4884 §4.1. */
const LEAST_EXTENDED = 128;
/** What ICMPv4's length field can say, octets: 255 words. */
const MOST_EXTENDED = 1020;

export function icmp6to4(f: Frame, t: Tables, base: number): Verdict {
  const b = t.bytes;
  if (f.l4 === 0) return CONTINUE; // a later fragment of an echo: data only
  const translated = typeTo4(b[f.l4]!, b[f.l4 + 1]!);
  if (translated === DROP) return ICMP_UNTRANSLATABLE;
  if ((f.unusual & UNUSUAL_ICMP_ERROR) !== 0) return errorTo4(f, t, base, translated);
  // The pseudo-header goes; see icmp-4-to-6.ts for a fragment's length.
  const length = (f.unusual & UNUSUAL_FRAGMENT) !== 0 ? 0 : f.end - f.l4;
  const gone = u16(b, f.l4) + sum(b, f.l3 + 8, 32) + length + PROTOCOL_ICMP6;
  put16(b, f.l4, translated);
  put16(b, f.l4 + 2, update(u16(b, f.l4 + 2), gone, translated));
  return CONTINUE;
}

function errorTo4(f: Frame, t: Tables, base: number, translated: number): Verdict {
  const b = t.bytes;
  const quoted = f.l4 + ICMP_HEADER;
  if ((f.unusual & UNUSUAL_FRAGMENT) !== 0) return ICMP_UNTRANSLATABLE;
  if (b[quoted]! >> 4 !== 6 || quoted + IPV6_HEADER > f.end) return BAD_EMBEDDED;
  const length = f.end - f.l4;
  if (fold(sum(b, f.l4, length, sum(b, f.l3 + 8, 32) + length + PROTOCOL_ICMP6)) !== 0xffff) return BAD_TRANSPORT;
  const headers = readQuotedHeaders(f, b, quoted);
  if (headers < 0) return BAD_EMBEDDED;
  if (!maySendAs4(lastNextHeader(b, quoted, headers))) return BAD_EMBEDDED;
  const rest = restTo4(f, t, base, translated, quotedFragment(b, quoted, headers) !== 0);
  if (rest === DROP) return ICMP_UNTRANSLATABLE;
  if (quotesAnError(b, quoted, headers, f.end)) return ICMP_UNTRANSLATABLE;

  const shrink = headers - IPV4_HEADER;
  const datagram = quotedLength(f, b, translated >> 8, shrink);
  if (datagram < headers) return BAD_EMBEDDED; // what is to become the IPv4 header is not all there
  const extended = quoted + datagram < f.end;
  const padding = extended ? Math.max(0, LEAST_EXTENDED - (datagram - shrink)) : 0;
  let at = quoted;
  if (padding > 0) {
    at = quoted - padding;
    move(b, at, quoted, datagram);
    b.fill(0, at + datagram, at + datagram + padding);
  }
  quotedTo4(t, at, headers, at + datagram);
  f.payload = at + shrink - ICMP_HEADER;
  f.l4 = f.payload;
  put16(b, f.l4, translated);
  put16(b, f.l4 + 2, 0);
  put32(b, f.l4 + 4, rest);
  if (extended) b[f.l4 + 5] = (datagram - shrink + padding) >> 2;
  put16(b, f.l4 + 2, finish(sum(b, f.l4, f.end - f.l4)));
  return CONTINUE;
}

/**
 * Octets of the quoted packet's IPv6 header and the extension headers behind it; −1 when they are cut off, or such that
 * the packet would not have been translated (stages/classify.ts judges a packet's own alike).
 */
export function readQuotedHeaders(f: Frame, b: Uint8Array, quoted: number): number {
  let next = b[quoted + 6]!;
  let at = quoted + IPV6_HEADER;
  let fragmented = false;
  for (let count = 0; count <= MAX_EXTENSIONS; count++) {
    if (next !== 0 && next !== 43 && next !== 44 && next !== 60) return at - quoted;
    if (count === MAX_EXTENSIONS || at + 8 > f.end || (next === 0 && count > 0)) return -1;
    if (next === 43 && b[at + 3] !== 0) return -1;
    if (next === 44) {
      if (fragmented || mayNotFollowFragment(b[at]!)) return -1;
      fragmented = true;
      // What follows a later fragment's header is data, whatever its first octets look like.
      if ((u16(b, at + 2) & 0xfff8) !== 0) return at + 8 - quoted;
    }
    const length = next === 44 ? 8 : (b[at + 1]! + 1) << 3;
    next = b[at]!;
    at += length;
    if (at > f.end) return -1;
  }
  return -1;
}

/** The upper-layer protocol of the quoted packet: the next header field of its last header. */
export function lastNextHeader(b: Uint8Array, quoted: number, headers: number): number {
  let next = b[quoted + 6]!;
  for (let at = quoted + IPV6_HEADER; at < quoted + headers; ) {
    const length = next === 44 ? 8 : (b[at + 1]! + 1) << 3;
    next = b[at]!;
    at += length;
  }
  return next;
}

/** Offset of the quoted packet's Fragment header, or 0. */
export function quotedFragment(b: Uint8Array, quoted: number, headers: number): number {
  let next = b[quoted + 6]!;
  for (let at = quoted + IPV6_HEADER; at < quoted + headers; ) {
    if (next === 44) return at;
    next = b[at]!;
    at += (b[at + 1]! + 1) << 3;
  }
  return 0;
}

function quotesAnError(b: Uint8Array, quoted: number, headers: number, end: number): boolean {
  if (lastNextHeader(b, quoted, headers) !== PROTOCOL_ICMP6) return false;
  const fragment = quotedFragment(b, quoted, headers);
  if (fragment !== 0 && (u16(b, fragment + 2) & 0xfff8) !== 0) return false;
  if (quoted + headers >= end) return true;
  const type = b[quoted + headers]!;
  return type !== ECHO_REQUEST_6 && type !== ECHO_REPLY_6;
}

function restTo4(f: Frame, t: Tables, base: number, translated: number, fragmented: boolean): number {
  const b = t.bytes;
  if (translated === ((UNREACHABLE_4 << 8) | FRAGMENTATION_NEEDED_4)) {
    const shrink = fragmented ? 28 : 20;
    const link = t.ports[f.port * PORT_WORDS + P_MTU]!;
    const least = Math.min(u32(b, f.l4 + 4), link) - shrink;
    return Math.max(Math.min(least, t.records[base + R_LIMITS]! & 0xffff), 68);
  }
  if (translated >> 8 !== PARAMETER_PROBLEM_4) return 0;
  const pointer = pointerTo4(u32(b, f.l4 + 4));
  return pointer === DROP ? DROP : pointer << 24;
}

function quotedLength(f: Frame, b: Uint8Array, type: number, shrink: number): number {
  const quoted = f.l4 + ICMP_HEADER;
  const all = f.end - quoted;
  const said = b[f.l4 + 4]! << 3;
  const mayExtend = type === UNREACHABLE_4 || type === TIME_EXCEEDED_4;
  if (b[f.l4] === 2 || b[f.l4] === 4 || said < LEAST_EXTENDED || said >= all) return all;
  if (mayExtend && said - shrink <= MOST_EXTENDED) return said;
  f.end = quoted + said; // the extensions are left out
  return said;
}

/** The quoted packet's own header and what of its transport depends on it. RFC 7915 §5.3. */
function quotedTo4(t: Tables, at: number, headers: number, end: number): void {
  const b = t.bytes;
  const l4 = at + headers;
  const next = lastNextHeader(b, at, headers);
  const protocol = next === PROTOCOL_ICMP6 ? PROTOCOL_ICMP4 : next;
  const fragmentAt = quotedFragment(b, at, headers);
  const fragmentField = fragmentAt === 0 ? 0 : u16(b, fragmentAt + 2);
  const identification = fragmentAt === 0 ? 0 : u16(b, fragmentAt + 6);
  if ((fragmentField & 0xfff8) === 0) quotedTransportTo4(b, at, l4, headers, next, end);
  const trafficClass = ((b[at]! & 15) << 4) | (b[at + 1]! >> 4);
  const length = Math.min(0xffff, IPV4_HEADER + Math.max(0, u16(b, at + 4) - (headers - IPV6_HEADER)));
  const hopLimit = b[at + 7]!;
  const source = u32(b, at + 20);
  const destination = u32(b, at + 36);
  const whole = fragmentAt === 0;
  const fragment = whole ? (length > 1260 ? 0x4000 : 0) : ((fragmentField & 1) << 13) | (fragmentField >>> 3);
  const v4 = l4 - IPV4_HEADER;
  put32(b, v4, (0x45 << 24) | (trafficClass << 16) | (length & 0xffff));
  put32(b, v4 + 4, (identification << 16) | fragment);
  put32(b, v4 + 8, (hopLimit << 24) | (protocol << 16));
  put32(b, v4 + 12, source);
  put32(b, v4 + 16, destination);
  put16(b, v4 + 10, finish(sum(b, v4, IPV4_HEADER)));
}

function quotedTransportTo4(b: Uint8Array, at: number, l4: number, headers: number, next: number, end: number): void {
  const before = sum(b, at + 8, 32);
  if (next === PROTOCOL_ICMP6) {
    const echo = u16(b, l4);
    b[l4] = b[l4] === ECHO_REQUEST_6 ? ECHO_REQUEST_4 : ECHO_REPLY_4;
    if (l4 + 4 > end) return;
    const fragment = quotedFragment(b, at, headers);
    const fragmented = fragment !== 0 && (u16(b, fragment + 2) & 0xfff9) !== 0; // then the length counts as 0
    const length = fragmented ? 0 : Math.max(0, u16(b, at + 4) - (headers - IPV6_HEADER));
    const gone = echo + before + length + PROTOCOL_ICMP6;
    put16(b, l4 + 2, update(u16(b, l4 + 2), gone, u16(b, l4)));
    return;
  }
  const field = next === PROTOCOL_TCP ? l4 + 16 : l4 + 6;
  if ((next !== PROTOCOL_TCP && next !== PROTOCOL_UDP) || field + 2 > end) return;
  const checksum = u16(b, field);
  if (next === PROTOCOL_UDP && checksum === 0) return;
  const after = sum(b, at + 20, 4) + sum(b, at + 36, 4);
  const updated = update(checksum, before, after);
  put16(b, field, next === PROTOCOL_UDP && updated === 0 ? 0xffff : updated);
}
