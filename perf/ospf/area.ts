/**
 * The LSAs of a made-up area, as one of its access switches has them: the paper's PoD (§2.2, tables 1 and 2). Servers with
 * two ports, 64 for each access switch; access switches with four uplinks; eight aggregation switches. As in the paper's
 * count every link is a transit network, so that s servers and a access switches make 4 s + 9 a LSAs, and aggregation
 * switches and their summaries the rest. Router-LSAs are in fragments that fit a packet.
 */
import {
  type LsaBody,
  POINT_TO_POINT_LINK,
  ROUTER_B,
  ROUTER_E,
  type RouterLink,
  TRANSIT_LINK,
} from "#ospf/packet/lsa-body";
import { NETWORK_LSA, ROUTER_LSA } from "#ospf/packet/lsa-header";
import { writeLsa } from "#ospf/packet/lsa-writer";
import { OPTION_E, OPTION_R, OPTION_V6 } from "#ospf/packet/options";

export const OPTIONS = OPTION_E | OPTION_R | OPTION_V6;
const SERVERS_PER_ACCESS = 64;
const UPLINKS = 4;
const AGGREGATION = 8;
/** LSAs for each access switch: itself, four uplinks with a prefix each, and 64 servers with two links and a prefix. */
const PER_ACCESS = 1 + 2 * UPLINKS + 4 * SERVERS_PER_ACCESS;
/** Links in one router-LSA: 1 304 octets. */
const FRAGMENT = 80;
const METRIC = 10;
/** Prefixes of 64 bits in one LSA of 1 436 octets. */
const DENSE = 117;

const serverId = (i: number): number => 0x4000_0000 + i;
const accessId = (i: number): number => 0x8000_0000 + i;
const aggregationId = (i: number): number => 0xa000_0000 + i;

/** Whose neighbor the router under test is: the first access switch. */
export const SPEAKER_ID = accessId(0);
/** The speaker's interface to the router under test. */
export const SPEAKER_INTERFACE = 9999;

export interface Area {
  /** Octets of each LSA, age 0. The router-LSA fragment with the link to the router under test comes first. */
  readonly lsas: Uint8Array[];
  /** Prefixes that can be reached. */
  readonly prefixes: number;
}

/** The router at the other end of the speaker's link. */
export interface Tested {
  readonly routerId: number;
  readonly interfaceId: number;
}

/** An area of exactly so many LSAs, at least 600. */
function makeArea(lsas: number, tested: Tested): Area {
  const { access, filler } = sizeOf(lsas);
  const making = new Making(tested);
  making.access(access);
  making.servers(access);
  making.routers();
  for (let i = 0; i < filler; i++) making.summary(aggregationId(i % AGGREGATION), i);
  if (making.lsas.length !== lsas) throw new Error(`${making.lsas.length} LSAs made, not ${lsas}`);
  return { lsas: making.lsas, prefixes: making.prefixes };
}

/**
 * No area that anybody has: the speaker alone, which tells of one AS-external prefix in each of so many LSAs, so that all
 * of them are routes. For what a hostile or mistaken neighbor can cost.
 */
function makeExternals(lsas: number, tested: Tested): Area {
  const made = [aloneWith(tested)];
  for (let i = 1; i < lsas; i++) {
    const prefix = prefixOf([0x4000 + (i >> 16), i & 0xffff]);
    made.push(octetsOf(SPEAKER_ID, i, { kind: "asExternal", metricType: 2, metric: 20, prefix }));
  }
  return { lsas: made, prefixes: lsas - 1 };
}

/** The same with as many prefixes in each LSA as a packet has room for. */
function makeDense(lsas: number, tested: Tested): Area {
  const made = [aloneWith(tested)];
  const referenced = { type: ROUTER_LSA, linkStateId: 0, advertisingRouter: SPEAKER_ID };
  for (let i = 1; i < lsas; i++) {
    const prefixes = Array.from({ length: DENSE }, (_, k) => {
      const number = i * DENSE + k;
      return { ...prefixOf([0x5000 + (number >> 16), number & 0xffff]), metric: 1 };
    });
    made.push(octetsOf(SPEAKER_ID, i, { kind: "intraAreaPrefix", referenced, prefixes }));
  }
  return { lsas: made, prefixes: (lsas - 1) * DENSE };
}

function aloneWith({ routerId, interfaceId }: Tested): Uint8Array {
  const link = { type: POINT_TO_POINT_LINK, metric: METRIC, interfaceId: SPEAKER_INTERFACE };
  const links = [{ ...link, neighborInterfaceId: interfaceId, neighborRouterId: routerId }];
  return octetsOf(SPEAKER_ID, 0, { kind: "router", flags: ROUTER_E, options: OPTIONS, links });
}

/** What the speaker may have to tell of. */
export const KINDS = { area: makeArea, externals: makeExternals, dense: makeDense } as const;
export type Kind = keyof typeof KINDS;

function sizeOf(lsas: number): { access: number; filler: number } {
  for (let access = Math.floor(lsas / PER_ACCESS); access > 1; access--) {
    const ofAggregation = Math.ceil((access * UPLINKS) / AGGREGATION);
    const fragments = access * Math.ceil((2 * SERVERS_PER_ACCESS + UPLINKS + 1) / FRAGMENT);
    const more = fragments - access + AGGREGATION * Math.ceil(ofAggregation / FRAGMENT);
    const filler = lsas - access * PER_ACCESS - more;
    if (filler >= 0) return { access, filler };
  }
  throw new RangeError(`no area of ${lsas} LSAs`);
}

class Making {
  readonly lsas: Uint8Array[] = [];
  prefixes = 0;
  readonly #links = new Map<number, RouterLink[]>();
  readonly #next = new Map<number, number>();

  constructor({ routerId, interfaceId }: Tested) {
    const link = { type: POINT_TO_POINT_LINK, metric: METRIC, interfaceId: SPEAKER_INTERFACE };
    this.#links.set(SPEAKER_ID, [{ ...link, neighborInterfaceId: interfaceId, neighborRouterId: routerId }]);
  }

  access(count: number): void {
    for (let i = 0; i < count; i++) {
      for (let up = 0; up < UPLINKS; up++) {
        const advertisingRouter = accessId(i);
        const linkStateId = this.#join(advertisingRouter, aggregationId((UPLINKS * i + up) % AGGREGATION));
        this.#prefix({ type: NETWORK_LSA, linkStateId, advertisingRouter }, [0x1000 + up, i]);
      }
    }
  }

  servers(access: number): void {
    for (let i = 0; i < access * SERVERS_PER_ACCESS; i++) {
      const server = serverId(i);
      for (const step of [0, 1]) this.#join(accessId((Math.floor(i / SERVERS_PER_ACCESS) + step) % access), server);
      this.#prefix({ type: ROUTER_LSA, linkStateId: 0, advertisingRouter: server }, [0x2000, i]);
    }
  }

  routers(): void {
    const fragments: Uint8Array[] = [];
    for (const [router, links] of this.#links) {
      const flags = router >= aggregationId(0) ? ROUTER_B : 0;
      for (let at = 0; at < links.length; at += FRAGMENT) {
        const body: LsaBody = { kind: "router", flags, options: OPTIONS, links: links.slice(at, at + FRAGMENT) };
        fragments.push(octetsOf(router, at / FRAGMENT, body));
      }
    }
    this.lsas.unshift(...fragments.splice(0, 1));
    for (const fragment of fragments) this.lsas.push(fragment);
  }

  /** Of another area. */
  summary(advertisingRouter: number, i: number): void {
    const prefix = prefixOf([0x3000, i]);
    this.#add(advertisingRouter, i, { kind: "interAreaPrefix", metric: 20, prefix });
    this.prefixes++;
  }

  /** A link; `a` is its Designated Router. Answers a's interface id. */
  #join(a: number, b: number): number {
    const network = this.#interfaceId(a);
    for (const [router, interfaceId] of [
      [a, network],
      [b, this.#interfaceId(b)],
    ] as const) {
      const links = this.#links.get(router) ?? [];
      this.#links.set(router, links);
      const to = { neighborInterfaceId: network, neighborRouterId: a };
      links.push({ type: TRANSIT_LINK, metric: METRIC, interfaceId, ...to });
    }
    this.#add(a, network, { kind: "network", options: OPTIONS, attachedRouters: [a, b] });
    return network;
  }

  #interfaceId(router: number): number {
    const id = (this.#next.get(router) ?? 0) + 1;
    this.#next.set(router, id);
    return id;
  }

  #prefix(
    referenced: { type: number; linkStateId: number; advertisingRouter: number },
    numbers: readonly [number, number],
  ): void {
    const prefixes = [{ ...prefixOf(numbers), metric: 0 }];
    this.#add(referenced.advertisingRouter, referenced.linkStateId, { kind: "intraAreaPrefix", referenced, prefixes });
    this.prefixes++;
  }

  #add(advertisingRouter: number, linkStateId: number, body: LsaBody): void {
    this.lsas.push(octetsOf(advertisingRouter, linkStateId, body));
  }
}

export const octetsOf = (advertisingRouter: number, linkStateId: number, body: LsaBody): Uint8Array =>
  writeLsa({ age: 0, linkStateId, advertisingRouter, sequence: FIRST_SEQUENCE }, body).octets;

/** As if the area had stood for a while. */
const FIRST_SEQUENCE = -0x7fff_ffff + 100;

/** 2001:db8:x:y::/64. */
function prefixOf([x, y]: readonly [number, number]): { address: Uint8Array; length: number; options: number } {
  const address = new Uint8Array(16);
  address.set([0x20, 0x01, 0x0d, 0xb8, x >> 8, x & 255, y >> 8, y & 255]);
  return { address, length: 64, options: 0 };
}
