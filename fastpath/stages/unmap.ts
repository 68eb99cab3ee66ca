/**
 * unmap: whom an address stands for, from outside: a public one for itself, a floating one for the address it is tied to,
 * one of the NAT's for whoever has the port. Writes both network addresses; an ICMP error's quoted ones too (RFC 5508 §4.2).
 */
import { R_DESTINATION, R_NEW_PORTS_4, R_SOURCE } from "#fastpath/decision";
import { type Frame, UNUSUAL_ICMP_ERROR } from "#fastpath/frame";
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
  rememberSession,
  writeEnd,
} from "#fastpath/stages/nat-packet";
import { C_DESTINATION, C_PORTS, C_SOURCE } from "#fastpath/tables/connections";
import { floatingFor, publicTags } from "#fastpath/tables/gateway-tables";
import { FL_HOST, FL_TAGS, OUTSIDE_TAGS } from "#fastpath/tables/layout";
import type { Nat } from "#fastpath/tables/nat";
import type { Tables } from "#fastpath/tables/tables";
import { BAD_EMBEDDED, CONTINUE, NAT_FRAGMENT, NAT_UNBOUND, OUTSIDE_STRAY, type Verdict } from "#fastpath/verdicts";

const ECHO_REPLY = 0;

export function unmap(f: Frame, t: Tables): Verdict {
  const r = t.records;
  const w = (f.l3 + 12) >> 2;
  writeEnd(r, R_SOURCE, OUTSIDE_TAGS, t.words[w]!);
  r[R_NEW_PORTS_4] = 0;
  f.isNat = false;
  const isError = (f.unusual & UNUSUAL_ICMP_ERROR) !== 0;
  if (isError && !describesOurs(f, t)) return BAD_EMBEDDED;
  const verdict = destinationOf(f, t, t.words[w + 1]!, isError);
  if (verdict !== CONTINUE) return verdict;
  writeHome(t, r, R_SOURCE);
  // An IPv6 host's address is whole already.
  if ((r[R_DESTINATION]! | r[R_DESTINATION + 1]!) === 0) writeHome(t, r, R_DESTINATION);
  if (!isError) return CONTINUE;
  for (let k = 0; k < 4; k++) t.quoted[k] = r[R_DESTINATION + k]!;
  writeEnd(t.quoted, 4, OUTSIDE_TAGS, t.words[(f.l4 + 8 + 16) >> 2]!);
  writeHome(t, t.quoted, 4);
  return CONTINUE;
}

/** True when the quoted packet is there, and came from the address that the error is for. */
function describesOurs(f: Frame, t: Tables): boolean {
  const quoted = f.l4 + 8;
  return f.end - quoted >= 20 && t.words[(quoted + 12) >> 2] === t.words[(f.l3 + 16) >> 2];
}

function destinationOf(f: Frame, t: Tables, address: number, isError: boolean): Verdict {
  const gateway = t.gateway!;
  const tags = publicTags(gateway, address);
  if (tags !== 0) {
    writeEnd(t.records, R_DESTINATION, tags, address);
    return CONTINUE;
  }
  const row = floatingFor(gateway, address);
  if (row >= 0) {
    const { floating } = gateway;
    writeEnd(t.records, R_DESTINATION, floating[row + FL_TAGS]!, floating[row + FL_HOST]!);
    return CONTINUE;
  }
  const { nat } = t;
  if (nat === undefined || !nat.bindings.isPool(address)) return OUTSIDE_STRAY;
  f.isNat = true;
  if (isError) return quotedBinding(f, t, nat, address);
  writeEnd(nat.packet, C_SOURCE, OUTSIDE_TAGS, t.words[(f.l3 + 12) >> 2]!);
  writeEnd(nat.packet, C_DESTINATION, OUTSIDE_TAGS, address);
  return f.l4 === 0 ? laterFragment(f, t, nat) : bound(f, t, nat, address);
}

function bound(f: Frame, t: Tables, nat: Nat, address: number): Verdict {
  const icmp = isIcmp(f.protocol);
  if (icmp && t.bytes[f.l4] !== ECHO_REPLY) return NAT_UNBOUND; // who is inside may ask, and is asked nothing
  describeFirst(f, t, nat);
  describeTransport(f, t, nat);
  const binding = nat.inbound(address, icmp ? identifierAt(t, f.l4) : f.ports >>> 16, t.now);
  if (binding <= 0) return natRefusal(binding);
  const r = t.records;
  for (let k = 0; k < 4; k++) r[R_DESTINATION + k] = nat.packet[C_DESTINATION + k]!;
  const ports = nat.packet[C_PORTS]!;
  r[R_NEW_PORTS_4] = newPorts(f.protocol, ports, ports >>> 16);
  keepFirst(f, t, nat, binding);
  rememberSession(f, nat);
  return CONTINUE;
}

function laterFragment(f: Frame, t: Tables, nat: Nat): Verdict {
  const binding = bindingOfLater(f, t, nat);
  if (binding === 0) return NAT_FRAGMENT;
  nat.bindings.copyInside(binding, t.records, R_DESTINATION);
  return CONTINUE;
}

/** An error about what the NAT sent for an inside end. */
function quotedBinding(f: Frame, t: Tables, nat: Nat, address: number): Verdict {
  const b = t.bytes;
  const quoted = f.l4 + 8;
  const isLater = (b[quoted + 6]! & 0x1f) !== 0 || b[quoted + 7] !== 0;
  const protocol = b[quoted + 9]!;
  writeEnd(nat.packet, C_DESTINATION, OUTSIDE_TAGS, t.words[(quoted + 16) >> 2]!);
  const transport = { protocol, l4: quoted + ((b[quoted]! & 15) << 2), isSource: true };
  if (isLater || !describeQuoted(f, t, nat, transport)) return BAD_EMBEDDED;
  const binding = nat.quotedOutbound(address, nat.packet[C_PORTS]! & 0xffff, t.now);
  if (binding <= 0) return natRefusal(binding);
  const r = t.records;
  for (let k = 0; k < 4; k++) r[R_DESTINATION + k] = nat.packet[C_SOURCE + k]!;
  const ports = nat.packet[C_PORTS]!;
  r[R_NEW_PORTS_4] = newPorts(protocol, ports, ports);
  return CONTINUE;
}
