/** Networks described as they are, not as LSAs: for tests that compare what is computed with what is true. */
import { formatPrefix, masked } from "#base/address";
import { nextBelow, nextBetween, nextFraction, type Random } from "#base/random";

export interface Network {
  readonly areas: readonly NetworkArea[];
  readonly routers: readonly NetworkRouter[];
  readonly links: readonly PointToPoint[];
  readonly lans: readonly Lan[];
  readonly prefixes: readonly OwnedPrefix[];
  readonly externals: readonly External[];
  /** Links that one side alone speaks of. */
  readonly claims: readonly Claim[];
}

/** A router says that it has a link to another one or to a LAN; or a LAN's Designated Router lists one that has not. */
export interface Claim {
  readonly area: number;
  /** Index. */
  readonly router: number;
  readonly of: "router" | "lan" | "listed";
  /** Index of the router or LAN. */
  readonly other: number;
}

export interface NetworkArea {
  readonly id: number;
  readonly kind: "normal" | "stub" | "nssa";
}

export interface NetworkRouter {
  readonly id: number;
  readonly isAsbr: boolean;
  /** R-bit. */
  readonly transits: boolean;
  /** V6-bit. */
  readonly admits: boolean;
}

/** `router`: its index. Interface ids are unique in a router. */
export interface End {
  readonly router: number;
  readonly interfaceId: number;
  readonly cost: number;
}

export interface PointToPoint {
  readonly area: number;
  readonly ends: readonly [End, End];
}

/** The first is the Designated Router. */
export interface Lan {
  readonly area: number;
  readonly members: readonly End[];
}

export interface OwnedPrefix {
  readonly area: number;
  /** Index of the router or LAN it belongs to. */
  readonly owner: { readonly router: number; readonly interfaceId?: number } | { readonly lan: number };
  readonly text: string;
  readonly metric: number;
  /** NU-bit. */
  readonly noUnicast: boolean;
}

export interface External {
  readonly router: number;
  /** An NSSA; undefined: the whole autonomous system. */
  readonly nssa: number | undefined;
  readonly text: string;
  readonly metricType: 1 | 2;
  readonly metric: number;
  readonly forwardingAddress: string | undefined;
  readonly tag: number | undefined;
  /** P-bit. */
  readonly propagate: boolean;
}

/** Areas in which a router has a link or a prefix. */
export function areasOf({ links, lans, prefixes }: Network, router: number): Set<number> {
  const areas = new Set<number>();
  for (const { area, ends } of links) if (ends.some((end) => end.router === router)) areas.add(area);
  for (const { area, members } of lans) if (members.some((end) => end.router === router)) areas.add(area);
  for (const { area, owner } of prefixes) if ("router" in owner && owner.router === router) areas.add(area);
  return areas;
}

export function isBorder(network: Network, router: number): boolean {
  const areas = areasOf(network, router);
  return areas.size > 1 && areas.has(0);
}

export const interfaceName = (interfaceId: number): string => `if${interfaceId}`;

const pick = <T>(random: Random, from: readonly T[]): T => from[nextBelow(random, from.length)]!;
const chance = (random: Random, probability: number): boolean => nextFraction(random) < probability;

/** Small costs, so that equal paths are frequent; routers that do not forward, parallel links, LANs, border routers. */
export function randomNetwork(random: Random): Network {
  const areas = randomAreas(random);
  const routers = randomRouters(random);
  const interfaceIds = routers.map(() => nextBetween(random, 1, 1000));
  const end = (router: number): End => {
    interfaceIds[router]! += nextBetween(random, 1, 3);
    return { router, interfaceId: interfaceIds[router]!, cost: nextBetween(random, 1, 4) };
  };
  const members = new Map(areas.map(({ id }) => [id, [] as number[]]));
  for (let router = 0; router < routers.length; router++) {
    for (const { id } of areas) if (areas.length === 1 || chance(random, 0.55)) members.get(id)!.push(router);
  }
  const links: PointToPoint[] = [];
  const lans: Lan[] = [];
  for (const [area, within] of members) {
    if (within.length < 2) continue;
    for (let i = nextBetween(random, within.length - 1, 2 * within.length); i > 0; i--) {
      const a = pick(random, within);
      const b = pick(random, within);
      if (a !== b) links.push({ area, ends: [end(a), end(b)] });
    }
    for (let i = nextBelow(random, 3); i > 0; i--) {
      const on = within.filter(() => chance(random, 0.5));
      if (on.length > 0) lans.push({ area, members: on.map(end) });
    }
  }
  const prefixes = randomPrefixes(random, { links, lans, members });
  const externals = randomExternals(random, { areas, routers, prefixes });
  return { areas, routers, links, lans, prefixes, externals, claims: randomClaims(random, { links, lans, members }) };
}

function randomClaims(random: Random, { links, lans, members }: Surroundings): Claim[] {
  const claims: Claim[] = [];
  for (const [area, within] of members) {
    if (within.length < 2) continue;
    const router = pick(random, within);
    const other = pick(random, within);
    const joined = (ends: readonly End[]): boolean =>
      [router, other].every((one) => ends.some((end) => end.router === one));
    if (!links.some((link) => link.area === area && joined(link.ends)))
      claims.push({ area, router, of: "router", other });
    for (const [lan, { area: of, members: on }] of lans.entries()) {
      if (of !== area || on.some((end) => end.router === router)) continue;
      claims.push({ area, router, of: pick(random, ["lan", "listed"]), other: lan });
    }
  }
  return claims;
}

function randomAreas(random: Random): NetworkArea[] {
  const others = [7, 0xf000_0001].slice(0, nextBelow(random, 3));
  const kinds = ["normal", "normal", "stub", "nssa"] as const;
  return [{ id: 0, kind: "normal" }, ...others.map((id) => ({ id, kind: pick(random, kinds) }))];
}

function randomRouters(random: Random): NetworkRouter[] {
  const count = nextBetween(random, 2, 11);
  return Array.from({ length: count }, (_, i) => ({
    id: i % 2 === 0 ? 0x0a00_0001 + i : 0xfa00_0001 - i,
    isAsbr: chance(random, 0.6),
    transits: chance(random, 0.85),
    admits: i === 0 || chance(random, 0.95),
  }));
}

/** One of a few, so that several own the same, and some contain others. */
function anyPrefix(random: Random): string {
  const length = pick(random, [44, 48, 64, 64, 64, 128]);
  const address = new Uint8Array(16);
  address.set([0x20, 0x01, 0x0d, 0xb8, 0, nextBelow(random, 24)]);
  address[15] = length === 128 ? 1 : 0;
  return formatPrefix({ address: masked(address, length), length });
}

interface Surroundings {
  readonly links: readonly PointToPoint[];
  readonly lans: readonly Lan[];
  readonly members: ReadonlyMap<number, readonly number[]>;
}

function randomPrefixes(random: Random, { links, lans, members }: Surroundings): OwnedPrefix[] {
  const prefixes: OwnedPrefix[] = [];
  const add = (area: number, owner: OwnedPrefix["owner"], mayBeFree: boolean): void => {
    const metric = mayBeFree ? nextBelow(random, 4) : nextBetween(random, 1, 4);
    prefixes.push({ area, owner, text: anyPrefix(random), metric, noUnicast: chance(random, 0.05) });
  };
  for (const [area, within] of members) {
    for (const router of within) if (chance(random, 0.7)) add(area, { router }, true);
  }
  for (const [lan, { area }] of lans.entries()) if (chance(random, 0.8)) add(area, { lan }, true);
  for (const { area, ends } of links) {
    const { router, interfaceId } = pick(random, ends);
    if (chance(random, 0.3)) add(area, { router, interfaceId }, false);
  }
  return prefixes;
}

function randomExternals(
  random: Random,
  { areas, routers, prefixes }: Pick<Network, "areas" | "routers" | "prefixes">,
): External[] {
  const externals: External[] = [];
  const nssas = areas.filter(({ kind }) => kind === "nssa").map(({ id }) => id);
  for (let i = nextBelow(random, 30); i > 0; i--) {
    const inside = prefixes.length > 0 && chance(random, 0.35) ? pick(random, prefixes) : undefined;
    externals.push({
      router: nextBelow(random, routers.length),
      nssa: nssas.length > 0 && chance(random, 0.5) ? pick(random, nssas) : undefined,
      text: pick(random, ["::/0", "2001:db8:e::/48", "2001:db8:f::/48", anyPrefix(random)]),
      metricType: pick(random, [1, 2, 2]),
      metric: nextBetween(random, 0, 2),
      forwardingAddress: inside && addressIn(random, inside.text),
      tag: chance(random, 0.5) ? i : undefined,
      propagate: chance(random, 0.5),
    });
  }
  return externals;
}

function addressIn(random: Random, prefix: string): string {
  const [base] = prefix.split("/");
  return prefix.endsWith("/128") || !base!.endsWith("::") ? base! : `${base}${nextBetween(random, 1, 9).toString(16)}`;
}

/** For failure messages. */
export const describeNetwork = (network: Network): string => JSON.stringify(network, undefined, 1);
