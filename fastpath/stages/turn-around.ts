/**
 * turnAround: a packet for an address that the outside knows an inside host by, from another inside host: hairpinning (RFC 4787 §6,
 * REQ-9). Both ends get what they would have if it had been outside in between: the sender the address that it is known by
 * there, a NAT's port too, and the receiver is whoever has the address and port. So it comes from outside by all rules.
 *
 * Two NAT sessions may be in it, so no decision is remembered.
 */
import { R_DESTINATION, R_NEW_PORTS_4, R_SOURCE } from "#fastpath/decision";
import { type Frame, UNUSUAL_ICMP_ERROR } from "#fastpath/frame";
import { lastNextHeader, quotedFragment, readQuotedHeaders } from "#fastpath/rewrite/icmp-6-to-4";
import { writeHome } from "#fastpath/stages/home";
import {
  bindingOfLater,
  describeFirst,
  describeQuoted,
  describeTransport,
  identifierAt,
  isIcmp,
  keepFirst,
  natRefusal,
  newPorts,
  writeEnd,
  writeInsideEnd,
} from "#fastpath/stages/nat-packet";
import { C_DESTINATION, C_PORTS, C_SOURCE } from "#fastpath/tables/connections";
import { floatingFor, outsideAddressOf, publicTags, shareOf } from "#fastpath/tables/gateway-tables";
import { FL_HOST, FL_TAGS, OUTSIDE_TAGS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import {
  BAD_EMBEDDED,
  CONTINUE,
  NAT_FRAGMENT,
  NAT_NONE,
  NAT_UNBOUND,
  OUTSIDE_SOURCE,
  OUTSIDE_STRAY,
  type Verdict,
} from "#fastpath/verdicts";

const ECHO_REQUEST_6 = 128;
const ECHO_REPLY_6 = 129;
const ERROR_HEADER = 8;
const IPV6 = 40;

/** True when the destination, behind the outside's prefix, is an address that an inside host is known by at this gateway. */
export function isTurned(t: Tables): boolean {
  const r = t.records;
  if (r[R_DESTINATION + 2] !== OUTSIDE_TAGS) return false;
  const address = r[R_DESTINATION + 3]!;
  const gateway = t.gateway!;
  if (floatingFor(gateway, address) >= 0 || publicTags(gateway, address) !== 0) return true;
  return t.nat?.bindings.isPool(address) === true;
}

export function turnAround(f: Frame, t: Tables): Verdict {
  const r = t.records;
  if (r[R_SOURCE + 2] === OUTSIDE_TAGS) return OUTSIDE_SOURCE;
  f.isNat = true;
  f.isFleeting = true;
  r[R_NEW_PORTS_4] = 0;
  const verdict = (f.unusual & UNUSUAL_ICMP_ERROR) !== 0 ? turnError(f, t) : turnPacket(f, t);
  if (verdict !== CONTINUE) return verdict;
  writeHome(t, r, R_SOURCE);
  // An IPv6 host's address is whole already.
  if ((r[R_DESTINATION]! | r[R_DESTINATION + 1]!) === 0) writeHome(t, r, R_DESTINATION);
  return CONTINUE;
}

function turnPacket(f: Frame, t: Tables): Verdict {
  const r = t.records;
  const to = r[R_DESTINATION + 3]!;
  const known = outsideAddressOf(t.gateway!, r[R_SOURCE + 2]!, r[R_SOURCE + 3]!);
  if (known === 0) {
    const verdict = bindSource(f, t, to);
    if (verdict !== CONTINUE) return verdict;
  } else writeEnd(r, R_SOURCE, OUTSIDE_TAGS, known);
  return writeKnown(t, r, R_DESTINATION, to) ? CONTINUE : findReceiver(f, t, to);
}

/** To `at` of `words` the inside end that a public or floating address stands for; false: it is neither. */
function writeKnown(t: Tables, words: Int32Array, at: number, address: number): boolean {
  const gateway = t.gateway!;
  const tags = publicTags(gateway, address);
  const row = tags === 0 ? floatingFor(gateway, address) : -1;
  if (tags !== 0) writeEnd(words, at, tags, address);
  else if (row >= 0) writeEnd(words, at, gateway.floating[row + FL_TAGS]!, gateway.floating[row + FL_HOST]!);
  return tags !== 0 || row >= 0;
}

/** As map-out.ts does for what leaves. */
function bindSource(f: Frame, t: Tables, to: number): Verdict {
  const { nat, records: r } = t;
  if (nat === undefined) return NAT_NONE;
  writeInsideEnd(nat.packet, C_SOURCE, r, R_SOURCE);
  writeEnd(nat.packet, C_DESTINATION, OUTSIDE_TAGS, to);
  if (f.l4 === 0) {
    const binding = bindingOfLater(f, t, nat);
    if (binding === 0) return NAT_FRAGMENT;
    writeEnd(r, R_SOURCE, OUTSIDE_TAGS, nat.bindings.outsideAddress(binding));
    return CONTINUE;
  }
  const icmp = isIcmp(f.protocol);
  if (icmp && t.bytes[f.l4] !== ECHO_REQUEST_6) return NAT_UNBOUND;
  describeFirst(f, t, nat);
  describeTransport(f, t, nat);
  if (icmp) nat.packet[C_PORTS] = identifierAt(t, f.l4);
  const ports = nat.packet[C_PORTS]!;
  const binding = nat.outbound(shareOf(t.gateway!, t.records[R_SOURCE + 2]!), t.now);
  if (binding <= 0) return natRefusal(binding);
  const port = nat.bindings.outsidePort(binding);
  r[R_NEW_PORTS_4] = newPorts(f.protocol, (ports & ~0xffff) | port, port);
  writeEnd(r, R_SOURCE, OUTSIDE_TAGS, nat.bindings.outsideAddress(binding));
  keepFirst(f, t, nat, binding);
  return CONTINUE;
}

/** As unmap.ts does for what comes: the record's source is what it would come from. */
function findReceiver(f: Frame, t: Tables, address: number): Verdict {
  const { nat, records: r } = t;
  if (nat === undefined) return OUTSIDE_STRAY;
  const p = nat.packet;
  writeEnd(p, C_SOURCE, OUTSIDE_TAGS, r[R_SOURCE + 3]!);
  writeEnd(p, C_DESTINATION, OUTSIDE_TAGS, address);
  if (f.l4 === 0) {
    const binding = bindingOfLater(f, t, nat);
    if (binding === 0) return NAT_FRAGMENT;
    nat.bindings.copyInside(binding, r, R_DESTINATION);
    return CONTINUE;
  }
  const icmp = isIcmp(f.protocol);
  if (icmp && t.bytes[f.l4] !== ECHO_REPLY_6) return NAT_UNBOUND; // who is inside may ask, and is asked nothing
  describeFirst(f, t, nat);
  describeTransport(f, t, nat);
  if (!icmp && r[R_NEW_PORTS_4] !== 0) p[C_PORTS] = r[R_NEW_PORTS_4]!;
  const binding = nat.inbound(address, icmp ? identifierAt(t, f.l4) : p[C_PORTS]! >>> 16, t.now);
  if (binding <= 0) return natRefusal(binding);
  for (let k = 0; k < 4; k++) r[R_DESTINATION + k] = p[C_DESTINATION + k]!;
  r[R_NEW_PORTS_4] = newPorts(f.protocol, p[C_PORTS]!, p[C_PORTS]! >>> 16);
  keepFirst(f, t, nat, binding);
  return CONTINUE;
}

// ---- ICMP errors ----

/**
 * About a packet that was turned around here: that came from where the error goes, and was for its sender, or passed by a router.
 * The quoted packet's ends become what its sender wrote (RFC 5508 §4.2).
 */
function turnError(f: Frame, t: Tables): Verdict {
  const r = t.records;
  const quoted = f.l4 + ERROR_HEADER;
  if (f.end - quoted < IPV6) return BAD_EMBEDDED;
  const w = (quoted + 8) >> 2;
  for (let k = 0; k < 4; k++) if (t.words[w + k] !== r[R_DESTINATION + k]) return BAD_EMBEDDED;
  const isRouter = r[R_SOURCE + 2] === 0;
  if (!isRouter && (t.words[w + 6] !== r[R_SOURCE + 2] || t.words[w + 7] !== r[R_SOURCE + 3])) return BAD_EMBEDDED;
  const sender = t.words[w + 3]!;
  const known = outsideAddressOf(t.gateway!, t.words[w + 6]!, t.words[w + 7]!);
  writeEnd(t.quoted, 4, OUTSIDE_TAGS, known);
  const isKnown = writeKnown(t, t.quoted, 0, sender);
  if (known === 0 || !isKnown) {
    const verdict = findQuoted(f, t, isKnown);
    if (verdict !== CONTINUE) return verdict;
  }
  for (let k = 0; k < 4; k++) r[R_DESTINATION + k] = t.quoted[k]!;
  writeEnd(r, R_SOURCE, OUTSIDE_TAGS, isRouter ? t.gateway!.own : t.quoted[7]!);
  if ((t.quoted[0]! | t.quoted[1]!) === 0) writeHome(t, t.quoted, 0);
  writeHome(t, t.quoted, 4);
  return CONTINUE;
}

/** The NAT's part in the quoted packet: its destination where `t.quoted` has none yet, and its source unless that `isKnown`. */
function findQuoted(f: Frame, t: Tables, isKnown: boolean): Verdict {
  const { nat } = t;
  if (nat === undefined) return NAT_NONE;
  const quoted = f.l4 + ERROR_HEADER;
  const w = (quoted + 8) >> 2;
  const headers = readQuotedHeaders(f, t.bytes, quoted);
  if (headers < 0) return BAD_EMBEDDED;
  const fragment = quotedFragment(t.bytes, quoted, headers);
  if (fragment !== 0 && (t.bytes[fragment + 2] !== 0 || (t.bytes[fragment + 3]! & 0xf8) !== 0)) return BAD_EMBEDDED;
  const protocol = lastNextHeader(t.bytes, quoted, headers);
  const l4 = quoted + headers;
  const p = nat.packet;
  let ports = 0;
  if (t.quoted[7] === 0) {
    writeEnd(p, C_SOURCE, OUTSIDE_TAGS, t.words[w + 3]!);
    writeInsideEnd(p, C_DESTINATION, t.words, w + 4);
    if (!describeQuoted(f, t, nat, { protocol, l4, isSource: false })) return BAD_EMBEDDED;
    const inside = p[C_PORTS]!;
    const binding = nat.quotedInbound(t.now);
    if (binding <= 0) return natRefusal(binding);
    const port = nat.bindings.outsidePort(binding);
    writeEnd(t.quoted, 4, OUTSIDE_TAGS, nat.bindings.outsideAddress(binding));
    ports = newPorts(protocol, (inside & 0xffff) | (port << 16), port);
  }
  if (!isKnown) {
    writeEnd(p, C_DESTINATION, OUTSIDE_TAGS, t.quoted[7]!);
    if (!describeQuoted(f, t, nat, { protocol, l4, isSource: true })) return BAD_EMBEDDED;
    if (ports !== 0 && !isIcmp(protocol)) p[C_PORTS] = ports;
    const binding = nat.quotedOutbound(t.words[w + 3]!, p[C_PORTS]! & 0xffff, t.now);
    if (binding <= 0) return natRefusal(binding);
    for (let k = 0; k < 4; k++) t.quoted[k] = p[C_SOURCE + k]!;
    ports = newPorts(protocol, p[C_PORTS]!, p[C_PORTS]!);
  }
  t.records[R_NEW_PORTS_4] = ports;
  return CONTINUE;
}
