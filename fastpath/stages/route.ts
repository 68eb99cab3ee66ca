/**
 * route: network address → FIB value: the local prefixes, a discard route, or an ECMP group of next hops. A VM that is here is
 * local whatever the routes say (`redirect`, `here`), and the way into a tunnel is that to its other end.
 */
import { R_DESTINATION, R_SOURCE } from "#fastpath/decision";
import { flowWord, hashFlow, hashHosts, hashTransit } from "#fastpath/flow-hash";
import { type Frame, TENANT_DESTINATION } from "#fastpath/frame";
import { HOME_TUNNEL, tunnelOf, writeHomeAddress } from "#fastpath/place";
import { GROUP_DISCARD, GROUP_LOCAL, OUTSIDE_TAGS } from "#fastpath/tables/layout";
import type { Tables } from "#fastpath/tables/tables";
import { CONTINUE, DISCARD_ROUTE, LINK_LOCAL, NO_ROUTE, type Verdict } from "#fastpath/verdicts";

/** fe80::/10, raw (RFC 4291 §2.5.6). */
const LINK_LOCAL_MASK = 0xc0ff;
const LINK_LOCAL_PREFIX = 0x80fe;

/** A VM's packet: its network addresses are in the record. */
export function route(f: Frame, t: Tables): Verdict {
  // An outside host is always reached by the same gateway, so that it sees one address for all flows and fragments.
  f.flowHash = t.records[R_DESTINATION + 2] === OUTSIDE_TAGS ? hashHosts(f, t.words) : hashFlow(f, t.words);
  if (t.records[R_DESTINATION + 2] !== 0) return lookUp(f, t);
  f.group = t.serviceGroup; // in no table that a packet of the fabric's is looked up in
  return f.group === 0 ? NO_ROUTE : CONTINUE;
}

/** An IPv6 packet's addresses are network addresses already: the record gets them for the stages that follow. */
export function addresses(f: Frame, t: Tables): Verdict {
  const w = (f.l3 + 8) >> 2;
  if (isLinkLocal(t.words[w + 4]!)) return LINK_LOCAL;
  for (let i = 0; i < 8; i++) t.records[R_SOURCE + i] = t.words[w + i]!;
  return CONTINUE;
}

/** An IPv6 packet, whose addresses are in the record. */
export function routeTransit(f: Frame, t: Tables): Verdict {
  f.flowHash = hashTransit(f, t.words);
  return lookUp(f, t);
}

/** `word`: the first of an address, raw. */
export const isLinkLocal = (word: number): boolean => (word & LINK_LOCAL_MASK) === LINK_LOCAL_PREFIX;

function lookUp(f: Frame, t: Tables): Verdict {
  if (f.vm >= 0) {
    f.group = GROUP_LOCAL;
    return CONTINUE;
  }
  const tunnel = tunnelOf(f.place);
  if (tunnel < 0) {
    // A stand-in's way is its own address's: an outside host's, since what a tenant brought is in a tunnel.
    const isStandIn = (f.tenants & TENANT_DESTINATION) !== 0;
    f.group = isStandIn ? t.fib.lookup(t.words, (f.l3 + 24) >> 2) : t.fib.lookup(t.records, R_DESTINATION);
  } else {
    f.tunnelFlow = flowWord(f.flowHash);
    f.group = lookUpTunnel(f, t, tunnel);
  }
  if (f.group === 0) return NO_ROUTE;
  return f.group === GROUP_DISCARD ? DISCARD_ROUTE : CONTINUE;
}

function lookUpTunnel(f: Frame, t: Tables, tunnel: number): number {
  const { tunnelEnd, tunnels } = t;
  if (tunnel !== HOME_TUNNEL) return t.fib.lookup(tunnels!.words, tunnels!.addressAt(tunnel));
  writeHomeAddress(f, tunnelEnd, 0);
  return t.fib.lookup(tunnelEnd, 0);
}
