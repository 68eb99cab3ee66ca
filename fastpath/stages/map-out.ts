/**
 * mapOut: under which address an inside host is known outside: its own where that is public, the floating one that is tied
 * to it, else one of the NAT's and a port: for IPv6 hosts too (NAT64, RFC 6146). Writes the IPv4 addresses that the packet leaves with; for an ICMP error those of
 * the quoted packet too. A fabric router's error is told from the gateway's own address, as it has none that the outside knows.
 */
import { R_DESTINATION, R_NEW_PORTS_6, R_QUOTED_DESTINATION, R_QUOTED_SOURCE, R_SOURCE } from "#fastpath/decision";
import { type Frame, UNUSUAL_ICMP_ERROR } from "#fastpath/frame";
import { lastNextHeader, quotedFragment, readQuotedHeaders } from "#fastpath/rewrite/icmp-6-to-4";
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
  rememberSession,
  writeEnd,
  writeInsideEnd,
} from "#fastpath/stages/nat-packet";
import { C_DESTINATION, C_PORTS, C_SOURCE } from "#fastpath/tables/connections";
import { isInside, outsideAddressOf, shareOf } from "#fastpath/tables/gateway-tables";
import { OUTSIDE_TAGS } from "#fastpath/tables/layout";
import type { Nat } from "#fastpath/tables/nat";
import type { Tables } from "#fastpath/tables/tables";
import {
  BAD_EMBEDDED,
  CONTINUE,
  INSIDE_DESTINATION,
  NAT_FRAGMENT,
  NAT_NONE,
  NAT_UNBOUND,
  OUTSIDE_SOURCE,
  type Verdict,
} from "#fastpath/verdicts";

const ECHO_REQUEST_6 = 128;
const ICMP_HEADER = 8;

export function mapOut(f: Frame, t: Tables): Verdict {
  const gateway = t.gateway!;
  const r = t.records;
  const tags = r[R_SOURCE + 2]!;
  const host = r[R_SOURCE + 3]!;
  const to = r[R_DESTINATION + 3]!;
  if (!isOutsideHost(t, R_DESTINATION)) return INSIDE_DESTINATION;
  if (tags === OUTSIDE_TAGS) return OUTSIDE_SOURCE;
  if ((f.unusual & UNUSUAL_ICMP_ERROR) !== 0) return mapError(f, t, { tags, host, to });
  f.isNat = false;
  const known = outsideAddressOf(gateway, tags, host);
  if (known !== 0) {
    leave(r, known, to, 0);
    return CONTINUE;
  }
  const { nat } = t;
  if (nat === undefined) return NAT_NONE;
  f.isNat = true;
  writeInsideEnd(nat.packet, C_SOURCE, r, R_SOURCE);
  writeEnd(nat.packet, C_DESTINATION, OUTSIDE_TAGS, to);
  return f.l4 === 0 ? laterFragment(f, t, nat, to) : bind(f, t, nat, to);
}

/** True when the address in the record is one that a host outside may have: no group, no reserved one, none that is inside. */
function isOutsideHost(t: Tables, at: number): boolean {
  const r = t.records;
  if (r[at + 2] !== OUTSIDE_TAGS || r[at] !== t.outsidePrefix[0] || r[at + 1] !== t.outsidePrefix[1]) return false;
  const address = r[at + 3]!;
  const first = address & 0xff;
  const gateway = t.gateway!;
  return first !== 0 && first !== 127 && first < 224 && address !== gateway.own && !isInside(gateway, address);
}

/** The new addresses side by side, as the header has them. */
function leave(r: Int32Array, from: number, to: number, ports: number): void {
  r[R_SOURCE] = from;
  r[R_SOURCE + 1] = to;
  r[R_DESTINATION] = to;
  r[R_NEW_PORTS_6] = ports;
}

function bind(f: Frame, t: Tables, nat: Nat, to: number): Verdict {
  const icmp = isIcmp(f.protocol);
  if (icmp && t.bytes[f.l4] !== ECHO_REQUEST_6) return NAT_UNBOUND;
  describeFirst(f, t, nat);
  describeTransport(f, t, nat);
  if (icmp) nat.packet[C_PORTS] = identifierAt(t, f.l4);
  const ports = nat.packet[C_PORTS]!;
  const binding = nat.outbound(shareOf(t.gateway!, t.records[R_SOURCE + 2]!), t.now);
  if (binding <= 0) return natRefusal(binding);
  const port = nat.bindings.outsidePort(binding);
  leave(t.records, nat.bindings.outsideAddress(binding), to, newPorts(f.protocol, (ports & ~0xffff) | port, port));
  keepFirst(f, t, nat, binding);
  rememberSession(f, nat);
  return CONTINUE;
}

function laterFragment(f: Frame, t: Tables, nat: Nat, to: number): Verdict {
  const binding = bindingOfLater(f, t, nat);
  if (binding === 0) return NAT_FRAGMENT;
  leave(t.records, nat.bindings.outsideAddress(binding), to, 0);
  return CONTINUE;
}

interface Ends {
  /** Of the error's sender: 0 is a fabric router's. */
  readonly tags: number;
  readonly host: number;
  /** The outside host that it is for. */
  readonly to: number;
}

/** An error about a packet from outside: that came from where the error goes, and was for its sender, or passed by a router. */
function mapError(f: Frame, t: Tables, { tags, host, to }: Ends): Verdict {
  const quoted = f.l4 + ICMP_HEADER;
  if (f.end - quoted < 40) return BAD_EMBEDDED;
  const w = (quoted + 8) >> 2;
  for (let k = 0; k < 4; k++) if (t.words[w + k] !== t.records[R_DESTINATION + k]) return BAD_EMBEDDED;
  const insideTags = t.words[w + 6]!;
  const inside = t.words[w + 7]!;
  if (tags !== 0 && (insideTags !== tags || inside !== host)) return BAD_EMBEDDED;
  const known = outsideAddressOf(t.gateway!, insideTags, inside);
  f.isNat = true; // the quoted packet is changed as one of the NAT's is
  if (known !== 0) return leaveError(t, tags === 0 ? t.gateway!.own : known, { to, quoted: known, ports: 0 });
  const { nat } = t;
  if (nat === undefined) return NAT_NONE;
  writeEnd(nat.packet, C_SOURCE, OUTSIDE_TAGS, to);
  writeInsideEnd(nat.packet, C_DESTINATION, t.words, w + 4);
  return mapQuoted(f, t, nat, { to, isRouter: tags === 0 });
}

function mapQuoted(
  f: Frame,
  t: Tables,
  nat: Nat,
  { to, isRouter }: { readonly to: number; readonly isRouter: boolean },
): Verdict {
  const quoted = f.l4 + ICMP_HEADER;
  const headers = readQuotedHeaders(f, t.bytes, quoted);
  if (headers < 0) return BAD_EMBEDDED;
  const fragment = quotedFragment(t.bytes, quoted, headers);
  const isLater = fragment !== 0 && (t.bytes[fragment + 2] !== 0 || (t.bytes[fragment + 3]! & 0xf8) !== 0);
  const protocol = lastNextHeader(t.bytes, quoted, headers);
  const transport = { protocol, l4: quoted + headers, isSource: false };
  if (isLater || !describeQuoted(f, t, nat, transport)) return BAD_EMBEDDED;
  const ports = nat.packet[C_PORTS]!;
  const binding = nat.quotedInbound(t.now);
  if (binding <= 0) return natRefusal(binding);
  const address = nat.bindings.outsideAddress(binding);
  const port = nat.bindings.outsidePort(binding);
  const after = newPorts(protocol, (ports & 0xffff) | (port << 16), port);
  return leaveError(t, isRouter ? t.gateway!.own : address, { to, quoted: address, ports: after });
}

function leaveError(
  t: Tables,
  from: number,
  { to, quoted, ports }: { readonly to: number; readonly quoted: number; readonly ports: number },
): Verdict {
  const r = t.records;
  leave(r, from, to, ports);
  r[R_QUOTED_SOURCE] = to;
  r[R_QUOTED_DESTINATION] = quoted;
  return CONTINUE;
}
