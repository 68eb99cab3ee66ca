/**
 * The ends of the packet that an ICMP error quotes: RFC 5508 §4.2, RFC 7915 §4.3 and §5.3. The error has been translated and
 * found whole before, so its own checksum is made anew afterwards; the quoted packet's are updated, as far as they are there.
 */
import { put16, u16 } from "#base/bytes";
import { finish, sum, update } from "#base/checksum";
import type { Frame } from "#fastpath/frame";
import { lastNextHeader, quotedFragment, readQuotedHeaders } from "#fastpath/rewrite/icmp-6-to-4";
import { changeIdentifier, changeTransport } from "#fastpath/rewrite/ports";
import type { Tables } from "#fastpath/tables/tables";
import { PROTOCOL_ICMP4, PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP } from "#wire/protocol";

const ICMP_HEADER = 8;
const OFFSET_4 = 0x1fff;
const OFFSET_6 = 0xfff8;

/** What the quoted packet is to say. */
export interface QuotedEnds {
  /** Where the new source and destination address are, in `words`; both families' sizes. */
  readonly words: Int32Array;
  readonly at: number;
  /** As the record's R_NEW_PORTS_. */
  readonly ports: number;
}

/** Of an ICMPv4 error at `f.l4`. */
export function changeQuoted4(f: Frame, t: Tables, { words, at, ports }: QuotedEnds): void {
  const b = t.bytes;
  const quoted = f.l4 + ICMP_HEADER;
  const before = sum(b, quoted + 12, 8);
  const w = (quoted + 12) >> 2;
  t.words[w] = words[at]!;
  t.words[w + 1] = words[at + 1]!;
  const after = sum(b, quoted + 12, 8);
  put16(b, quoted + 10, update(u16(b, quoted + 10), before, after));
  if ((u16(b, quoted + 6) & OFFSET_4) === 0) {
    const l4 = quoted + ((b[quoted]! & 15) << 2);
    const protocol = b[quoted + 9]!;
    if (protocol !== PROTOCOL_ICMP4) addDifference(f, b, checksumAt(l4, protocol), { before, after, protocol });
    changeQuotedPorts(f, t, l4, { protocol, ports });
  }
  put16(b, f.l4 + 2, 0);
  put16(b, f.l4 + 2, finish(sum(b, f.l4, f.end - f.l4)));
}

/** Of an ICMPv6 error at `f.l4`, whose own addresses are what they will be: at `f.l3`. */
export function changeQuoted6(f: Frame, t: Tables, { words, at, ports }: QuotedEnds): void {
  const b = t.bytes;
  const quoted = f.l4 + ICMP_HEADER;
  const headers = readQuotedHeaders(f, b, quoted);
  const before = sum(b, quoted + 8, 32);
  const w = (quoted + 8) >> 2;
  for (let i = 0; i < 8; i++) t.words[w + i] = words[at + i]!;
  const fragment = headers < 0 ? 0 : quotedFragment(b, quoted, headers);
  if (headers > 0 && (fragment === 0 || (u16(b, fragment + 2) & OFFSET_6) === 0)) {
    const l4 = quoted + headers;
    const protocol = lastNextHeader(b, quoted, headers);
    addDifference(f, b, checksumAt(l4, protocol), { before, after: sum(b, quoted + 8, 32), protocol });
    changeQuotedPorts(f, t, l4, { protocol, ports });
  }
  const length = f.end - f.l4;
  put16(b, f.l4 + 2, 0);
  put16(b, f.l4 + 2, finish(sum(b, f.l4, length, sum(b, f.l3 + 8, 32) + length + PROTOCOL_ICMP6)));
}

/** Where a protocol's checksum is that covers the addresses; 0: nowhere. */
function checksumAt(l4: number, protocol: number): number {
  if (protocol === PROTOCOL_TCP) return l4 + 16;
  if (protocol === PROTOCOL_UDP) return l4 + 6;
  return protocol === PROTOCOL_ICMP6 ? l4 + 2 : 0;
}

interface Difference {
  readonly before: number;
  readonly after: number;
  readonly protocol: number;
}

function addDifference(f: Frame, b: Uint8Array, at: number, { before, after, protocol }: Difference): void {
  if (at === 0 || at + 2 > f.end || before === after) return;
  const field = u16(b, at);
  const udp = protocol === PROTOCOL_UDP;
  if (udp && field === 0) return;
  const updated = update(field, before, after);
  put16(b, at, udp && updated === 0 ? 0xffff : updated);
}

function changeQuotedPorts(
  f: Frame,
  t: Tables,
  l4: number,
  { protocol, ports }: { readonly protocol: number; readonly ports: number },
): void {
  if (ports === 0) return;
  if (protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP)
    changeTransport(t, l4, protocol, { ports, end: f.end, keepChecksum: false });
  else if (protocol === PROTOCOL_ICMP4 || protocol === PROTOCOL_ICMP6) changeIdentifier(t, l4, ports, f.end);
}
