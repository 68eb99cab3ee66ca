/** What a router says of its OSPF, the same whoever plays it; and what differs between routers. */
import type { Attachment } from "./spec";

export interface NeighborView {
  readonly interface: string;
  readonly routerId: string;
  /** "Down", "Init", "TwoWay", "ExStart", "Exchange", "Loading" or "Full". */
  readonly state: string;
}

/** Of an interface: its own part, and whom it takes for designated. */
export interface SegmentView {
  readonly interface: string;
  /** "DR", "Backup", "DROther", "PointToPoint", "Waiting" or "Down". */
  readonly state: string;
  /** Router ids, 0.0.0.0: none. */
  readonly designated: string;
  readonly backup: string;
}

export interface LsaView {
  /** "as", "area 0.0.0.1" or "link <interface>". */
  readonly scope: string;
  /** With U-bit and scope, such as 0x2001. */
  readonly type: number;
  /** Dotted. */
  readonly linkStateId: string;
  readonly advertisingRouter: string;
  /** 32 bits, unsigned. */
  readonly sequence: number;
  readonly checksum: number;
  /** Seconds, 0 … 3600. */
  readonly age: number;
}

/** Seconds. */
const MAX_AGE = 3600;

export interface RouteView {
  readonly prefix: string;
  readonly path: "intra" | "inter" | "external-1" | "external-2";
  readonly cost: number;
  /** Of an external-2 path; `cost` is then the way to the ASBR. */
  readonly type2Cost?: number;
  /** Link-local address and interface; no address: the prefix is on that link. Empty: the router's own. */
  readonly nextHops: readonly HopView[];
}

export interface Reader {
  neighbors(): Promise<readonly NeighborView[]>;
  segments(): Promise<readonly SegmentView[]>;
  database(): Promise<readonly LsaView[]>;
  routes(): Promise<readonly RouteView[]>;
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");

/** An LSA's instance on one line. */
export const instanceText = ({ type, linkStateId, advertisingRouter, sequence, checksum }: LsaView): string =>
  `${hex(type, 4)} ${linkStateId} ${advertisingRouter} ${hex(sequence, 8)} ${hex(checksum, 4)}`;

/**
 * LSAs in force by the scope as the network knows it: link scopes are named after the link, not the interface.
 * Those of MaxAge are left out: routers differ in how long they keep what is withdrawn (RFC 2328 §14).
 * @param own the router's attachments.
 */
export function byScope(lsas: readonly LsaView[], own: readonly Attachment[]): Map<string, Set<string>> {
  const scopes = new Map<string, Set<string>>();
  for (const lsa of lsas.filter(({ age }) => age < MAX_AGE)) {
    const [kind, name] = lsa.scope.split(" ");
    const attachment = own.find((one) => one.name === name);
    if (kind === "link" && attachment === undefined) continue; // an interface of its own, such as lo
    const scope = kind === "link" ? `link ${attachment!.link}` : lsa.scope;
    const held = scopes.get(scope) ?? new Set();
    scopes.set(scope, held.add(instanceText(lsa)));
  }
  return scopes;
}

export interface HopView {
  /** Link-local; undefined: the destination is on the link. */
  readonly address?: string | undefined;
  readonly interface?: string | undefined;
}

/** `link>router`, or `link>` for the link itself. `own`: attachments of the router, among `all`. */
export function hopText(hop: HopView, own: readonly Attachment[], all: readonly Attachment[]): string {
  const link = own.find(({ name }) => name === hop.interface)?.link ?? hop.interface;
  return `${link}>${all.find(({ linkLocal }) => linkLocal === hop.address)?.router ?? hop.address ?? ""}`;
}

/** A route on one line: `prefix path cost next-hops`, the cost of an external-2 path as `cost/type2Cost`. */
export function routeText(route: RouteView, own: readonly Attachment[], all: readonly Attachment[]): string {
  const { prefix, path, cost, type2Cost, nextHops } = route;
  const hops = nextHops.map((hop) => hopText(hop, own, all)).sort();
  return [prefix, path, type2Cost === undefined ? `${cost}` : `${cost}/${type2Cost}`, ...hops].join(" ");
}
