/**
 * ICMPv4 → ICMPv6, errors with the packet they quote. RFC 7915 §4.2, §4.3; RFC 4884.
 *
 * All in place and growing towards the headroom: the quoted IPv4 header becomes an IPv6 header that ends where it
 * ended, the ICMP header goes before it, and `f.payload` moves to it; four-to-six.ts then writes the outer header.
 */
import { move, put16, put32, u16 } from "#base/bytes";
import { finish, fold, sum, update } from "#base/checksum";
import { R_LIMITS } from "#fastpath/decision";
import { type Frame, UNUSUAL_FRAGMENT, UNUSUAL_ICMP_ERROR } from "#fastpath/frame";
import { FRAGMENT_HEADER, IPV6_HEADER, pseudoSum, writeFragmentHeader } from "#fastpath/rewrite/four-to-six";
import {
  DROP,
  ECHO_REPLY_4,
  ECHO_REPLY_6,
  ECHO_REQUEST_4,
  ECHO_REQUEST_6,
  PACKET_TOO_BIG_6,
  PARAMETER_PROBLEM_6,
  plateauBelow,
  pointerTo6,
  TIME_EXCEEDED_6,
  typeTo6,
  UNREACHABLE_6,
} from "#fastpath/rewrite/icmp-tables";
import { checksumDelta } from "#fastpath/stages/checksum-delta";
import { maySendAs6 } from "#fastpath/stages/translatable";
import { P_MTU, P_VM, PORT_WORDS, V_MTU, VM_WORDS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { BAD_EMBEDDED, BAD_TRANSPORT, CONTINUE, ICMP_UNTRANSLATABLE, type Verdict } from "#fastpath/verdicts";
import { PROTOCOL_ICMP4, PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP } from "#wire/protocol";

const ICMP_HEADER = 8;
/** An ICMPv6 error never exceeds IPv6's minimum MTU. RFC 4443 §2.4(c). */
const LARGEST_ERROR = 1280; // and the least MTU that may be told
/** With extensions behind it a quoted datagram fills at least so many octets. RFC 4884 §4.2. */
const LEAST_EXTENDED = 128;

export function icmp4to6(f: Frame, t: Tables, base: number): Verdict {
  const b = t.bytes;
  if (f.l4 === 0) return CONTINUE; // a later fragment of an echo: data only
  const translated = typeTo6(b[f.l4]!, b[f.l4 + 1]!);
  if (translated === DROP) return ICMP_UNTRANSLATABLE;
  if ((f.unusual & UNUSUAL_ICMP_ERROR) !== 0) return errorTo6(f, t, base, translated);
  echoTo6(f, b, translated, pseudoSum(t.records, base));
  return CONTINUE;
}

/**
 * The checksum gains the pseudo-header. A fragment does not know the whole message's length, so the pseudo-header of a
 * fragmented echo counts it as 0 and the router at the other end takes the same away: the VMs' checksum is untouched.
 * (RFC 7915 §1.2 gives fragmented ICMP up; VMs want `ping -s 2000`.)
 */
function echoTo6(f: Frame, b: Uint8Array, translated: number, addresses: number): void {
  const length = (f.unusual & UNUSUAL_FRAGMENT) !== 0 ? 0 : f.end - f.l4;
  const before = u16(b, f.l4);
  put16(b, f.l4, translated);
  put16(b, f.l4 + 2, update(u16(b, f.l4 + 2), before, translated + addresses + length + PROTOCOL_ICMP6));
}

function errorTo6(f: Frame, t: Tables, base: number, translated: number): Verdict {
  const b = t.bytes;
  const quoted = f.l4 + ICMP_HEADER;
  const header = (b[quoted]! & 15) << 2;
  if ((f.unusual & UNUSUAL_FRAGMENT) !== 0) return ICMP_UNTRANSLATABLE;
  if (b[quoted]! >> 4 !== 4 || header < 20 || quoted + header > f.end) return BAD_EMBEDDED;
  if (!maySendAs6(b[quoted + 9]!)) return BAD_EMBEDDED;
  if (quotesAnError(b, quoted, header, f.end)) return ICMP_UNTRANSLATABLE;
  if (fold(sum(b, f.l4, f.end - f.l4)) !== 0xffff) return BAD_TRANSPORT;
  const rest = restTo6(f, t, base, translated >> 8);
  if (rest === DROP) return ICMP_UNTRANSLATABLE;

  const fragmented = (u16(b, quoted + 6) & 0x3fff) !== 0;
  const growth = IPV6_HEADER + (fragmented ? FRAGMENT_HEADER : 0) - header;
  const datagram = quotedLength(f, b, translated >> 8, growth);
  const extended = quoted + datagram < f.end;
  const padding = extended ? paddingFor(datagram + growth) : 0;
  const at = padding > 0 ? padAfter(b, quoted, datagram, padding) : quoted;
  quotedTo6(t, at, header, fragmented, quoted + datagram - padding);
  f.payload = at - growth - ICMP_HEADER;
  f.l4 = f.payload;
  if (!extended) f.end = Math.min(quoted + datagram, f.payload + LARGEST_ERROR - IPV6_HEADER);
  put16(b, f.l4, translated);
  put16(b, f.l4 + 2, 0);
  put32(b, f.l4 + 4, rest);
  if (extended) b[f.l4 + 4] = (datagram + growth + padding) >> 3;
  const length = f.end - f.l4;
  put16(b, f.l4 + 2, finish(sum(b, f.l4, length, pseudoSum(t.records, base) + length + PROTOCOL_ICMP6)));
  return CONTINUE;
}

/** An error about an error is not translated: "stop at the first embedded header". RFC 7915 §4.3. */
function quotesAnError(b: Uint8Array, quoted: number, header: number, end: number): boolean {
  if (b[quoted + 9] !== PROTOCOL_ICMP4 || (u16(b, quoted + 6) & 0x1fff) !== 0) return false;
  if (quoted + header >= end) return true;
  const type = b[quoted + header]!;
  return type !== ECHO_REQUEST_4 && type !== ECHO_REPLY_4;
}

/** The 32 bits after the checksum: MTU, pointer, or unused. */
function restTo6(f: Frame, t: Tables, base: number, type: number): number {
  const b = t.bytes;
  if (type === PACKET_TOO_BIG_6) {
    const said = u16(b, f.l4 + 6);
    const mtu = said !== 0 ? said : plateauBelow(u16(b, f.l4 + ICMP_HEADER + 2));
    return Math.max(LARGEST_ERROR, Math.min(mtu + 20, t.records[base + R_LIMITS]! & 0xffff, linkMtu(f, t) + 20));
  }
  if (type !== PARAMETER_PROBLEM_6) return 0;
  return b[f.l4] === 3 ? 6 : pointerTo6(b[f.l4 + 4]!); // type 3 is "protocol unreachable": the next header field
}

/** MTU of the link that the error came by: a VM's, or a gateway's outside. */
function linkMtu(f: Frame, t: Tables): number {
  const port = f.port * PORT_WORDS;
  return t.isVm(f.port) ? t.vms[t.ports[port + P_VM]! * VM_WORDS + V_MTU]! : t.ports[port + P_MTU]!;
}

/** Octets of the quoted datagram; less than what follows the ICMP header when extensions come after (RFC 4884 §4). */
function quotedLength(f: Frame, b: Uint8Array, type: number, growth: number): number {
  const quoted = f.l4 + ICMP_HEADER;
  const all = f.end - quoted;
  const said = b[f.l4 + 5]! << 2;
  if (said === 0 || said < 128 || said >= all) return all;
  if (type === UNREACHABLE_6 || type === TIME_EXCEEDED_6) {
    // Room for the grown datagram and the extensions within 1280 octets; else the extensions are left out.
    if (IPV6_HEADER + ICMP_HEADER + all + growth + paddingFor(said + growth) <= LARGEST_ERROR) return said;
  }
  f.end = quoted + said; // ICMPv6 has no extensions on this type
  return said;
}

/** Zeros up to a multiple of 8 octets, and to the least length. */
const paddingFor = (length: number): number => Math.max(LEAST_EXTENDED - length, -length & 7);

/** Opens `padding` zero octets after the datagram by moving it towards the headroom. Returns its new start. */
function padAfter(b: Uint8Array, quoted: number, datagram: number, padding: number): number {
  const at = quoted - padding;
  move(b, at, quoted, datagram);
  b.fill(0, at + datagram, at + datagram + padding);
  return at;
}

/** The quoted packet's own header and what of its transport depends on it. RFC 7915 §4.3. */
function quotedTo6(t: Tables, at: number, header: number, fragmented: boolean, end: number): void {
  const b = t.bytes;
  const l4 = at + header;
  const first = (u16(b, at + 6) & 0x1fff) === 0;
  const protocol = b[at + 9]!;
  const next = protocol === PROTOCOL_ICMP4 ? PROTOCOL_ICMP6 : protocol;
  if (first) quotedTransportTo6(t, at, l4, protocol, end);
  const tos = b[at + 1]!;
  const ttl = b[at + 8]!;
  const carried = Math.min(0xffff, Math.max(0, u16(b, at + 2) - header) + (fragmented ? FRAGMENT_HEADER : 0));
  const fragment = u16(b, at + 6);
  const identification = u16(b, at + 4);
  const v6 = l4 - IPV6_HEADER - (fragmented ? FRAGMENT_HEADER : 0);
  put32(b, v6, (6 << 28) | (tos << 20));
  put32(b, v6 + 4, (carried << 16) | ((fragmented ? 44 : next) << 8) | ttl);
  const w = (v6 + 8) >> 2;
  for (let i = 0; i < 8; i++) t.words[w + i] = t.quoted[i]!;
  if (fragmented) {
    const field = ((fragment & 0x1fff) << 3) | ((fragment >>> 13) & 1);
    writeFragmentHeader(t.words, (v6 + IPV6_HEADER) >> 2, next, field, identification);
  }
}

function quotedTransportTo6(t: Tables, at: number, l4: number, protocol: number, end: number): void {
  const b = t.bytes;
  if (protocol === PROTOCOL_ICMP4) {
    const before = u16(b, l4);
    b[l4] = b[l4] === ECHO_REQUEST_4 ? ECHO_REQUEST_6 : ECHO_REPLY_6;
    if (l4 + 4 > end) return;
    const fragmented = (u16(b, at + 6) & 0x3fff) !== 0; // then the length counts as 0, as in echoTo6
    const length = fragmented ? 0 : Math.max(0, u16(b, at + 2) - (l4 - at));
    let addresses = 0;
    for (let i = 0; i < 8; i++) addresses += (t.quoted[i]! & 0xffff) + (t.quoted[i]! >>> 16);
    const folded = fold(addresses);
    const pseudo = (((folded & 0xff) << 8) | (folded >>> 8)) + length + PROTOCOL_ICMP6;
    put16(b, l4 + 2, update(u16(b, l4 + 2), before, u16(b, l4) + pseudo));
    return;
  }
  const field = protocol === PROTOCOL_TCP ? l4 + 16 : l4 + 6;
  if ((protocol !== PROTOCOL_TCP && protocol !== PROTOCOL_UDP) || field + 2 > end) return;
  const checksum = u16(b, field);
  if (protocol === PROTOCOL_UDP && checksum === 0) return;
  const delta = checksumDelta(t.words, (at + 12) >> 2, 2, t.quoted, 0, 8);
  const updated = ~fold((~checksum & 0xffff) + delta) & 0xffff;
  put16(b, field, protocol === PROTOCOL_UDP && updated === 0 ? 0xffff : updated);
}
