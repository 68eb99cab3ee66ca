/**
 * The LSAs of a made-up area for the rehearsal: a few of every kind that a fabric has, each often enough that the code
 * which reads, keeps and computes with them is worth compiling. Nobody else ever hears of them.
 */
import {
  type LsaBody,
  POINT_TO_POINT_LINK,
  ROUTER_B,
  ROUTER_E,
  type RouterLink,
  TRANSIT_LINK,
} from "#ospf/packet/lsa-body";
import { INITIAL_SEQUENCE_NUMBER, NETWORK_LSA, ROUTER_LSA } from "#ospf/packet/lsa-header";
import { writeLsa } from "#ospf/packet/lsa-writer";
import { OPTION_E, OPTION_R, OPTION_V6 } from "#ospf/packet/options";
import type { AdvertisedPrefix } from "#ospf/packet/prefix";

/** Of all routers of the area. */
export const OPTIONS = OPTION_V6 | OPTION_E | OPTION_R;
const METRIC = 10;
/** Octets of the largest IPv6 packet on the rehearsal's links; hello and dead interval, seconds. */
export const MTU = 1500;
export const INTERVALS = { helloInterval: 10, routerDeadInterval: 40 };
/** For each router of the area. */
export const LSAS_EACH = 6;
export const ROUTES_EACH = 4;

/**
 * Ids of the routers, the first of them the gate through which the others are reached. Every other one is beyond 2^31, as those
 * written like 192.168.0.1 are: the engine keeps such numbers in another way, and compiles for what it has seen.
 */
export const routerId = (i: number): number => (i % 2 === 0 ? 0xc0a8_0000 : 0x0a00_0000) + i;

/** Who the gate's neighbor is. */
export interface Beyond {
  readonly routerId: number;
  readonly interfaceId: number;
}

/**
 * A ring of so many routers, at least two. Each has a link to the next, a network of its own with the next on it, a prefix
 * of its own and one of the network, and tells of a prefix of another area and of one outside: six LSAs. Octets of each.
 */
export function* areaOf(routers: number, beyond: Beyond): Generator<Uint8Array> {
  for (let i = 0; i < routers; i++) {
    const [own, next, before] = [routerId(i), routerId((i + 1) % routers), routerId((i + routers - 1) % routers)];
    const links = [
      link(POINT_TO_POINT_LINK, RIGHT, { routerId: next, interfaceId: LEFT }),
      link(POINT_TO_POINT_LINK, LEFT, { routerId: before, interfaceId: RIGHT }),
      link(TRANSIT_LINK, NETWORK, { routerId: own, interfaceId: NETWORK }),
      link(TRANSIT_LINK, GUEST, { routerId: before, interfaceId: NETWORK }),
    ];
    if (i === 0) links.push(link(POINT_TO_POINT_LINK, GATE, beyond));
    // Across the ring, so that many routers are about as near as others when paths are computed.
    if (i % SPOKES === 0 && i > 0) links.push(spoke(i, 0));
    if (i === 0) for (let far = SPOKES; far < routers; far += SPOKES) links.push(spoke(0, far));
    yield octetsOf(own, 0, { kind: "router", flags: ROUTER_B | ROUTER_E, options: OPTIONS, links });
    yield octetsOf(own, NETWORK, { kind: "network", options: OPTIONS, attachedRouters: [own, next] });
    yield prefixesOf(own, { type: ROUTER_LSA, linkStateId: 0 }, prefix(0x10, i));
    yield prefixesOf(own, { type: NETWORK_LSA, linkStateId: NETWORK }, prefix(0x20, i));
    yield octetsOf(own, i, { kind: "interAreaPrefix", metric: METRIC, prefix: prefix(0x30, i) });
    yield octetsOf(own, i, { kind: "asExternal", metricType: 2, metric: METRIC, prefix: prefix(0x40, i) });
  }
}

/** Every so many routers there is one with a link to the first. */
const SPOKES = 5;

/** Interface ids of a link across: on either end the number of the router that is not the first, behind all others. */
const spoke = (from: number, to: number): RouterLink => {
  const interfaceId = 100 + Math.max(from, to);
  const neighborRouterId = routerId(to);
  return {
    type: POINT_TO_POINT_LINK,
    metric: METRIC + (interfaceId % 7),
    interfaceId,
    neighborInterfaceId: interfaceId,
    neighborRouterId,
  };
};

// Interface ids of each router.
const RIGHT = 1;
const LEFT = 2;
const NETWORK = 3;
const GUEST = 4;
/** Of the gate: towards its neighbor. */
export const GATE = 5;

const link = (type: number, interfaceId: number, to: Beyond): RouterLink => ({
  ...{ type, metric: METRIC, interfaceId },
  ...{ neighborInterfaceId: to.interfaceId, neighborRouterId: to.routerId },
});

function prefixesOf(
  advertisingRouter: number,
  of: { readonly type: number; readonly linkStateId: number },
  what: AdvertisedPrefix,
): Uint8Array {
  const body: LsaBody = {
    kind: "intraAreaPrefix",
    referenced: { ...of, advertisingRouter },
    prefixes: [{ ...what, metric: METRIC }],
  };
  return octetsOf(advertisingRouter, of.linkStateId, body);
}

const octetsOf = (advertisingRouter: number, linkStateId: number, body: LsaBody): Uint8Array =>
  writeLsa({ age: 1, linkStateId, advertisingRouter, sequence: INITIAL_SEQUENCE_NUMBER }, body).octets;

/** 2001:db8:x:i::/64, of the addresses for documentation (RFC 3849). */
function prefix(x: number, i: number): AdvertisedPrefix {
  const address = new Uint8Array(16);
  address.set([0x20, 0x01, 0x0d, 0xb8, 0, x, i >> 8, i & 255]);
  return { address, length: 64, options: 0 };
}
