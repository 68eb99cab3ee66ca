/** LSAs as an operator reads them: ids dotted, prefixes as text, flags as words. */
import { formatIpv6, formatPrefix } from "#base/address";
import { toHex } from "#base/bytes";
import {
  type ExternalRoute,
  type LsaBody,
  POINT_TO_POINT_LINK,
  ROUTER_B,
  ROUTER_E,
  ROUTER_NT,
  ROUTER_V,
  type RouterLink,
  TRANSIT_LINK,
  VIRTUAL_LINK,
} from "#ospf/packet/lsa-body";
import * as types from "#ospf/packet/lsa-header";
import { formatOptions } from "#ospf/packet/options";
import { type AdvertisedPrefix, PREFIX_DN, PREFIX_LA, PREFIX_NU, PREFIX_P } from "#ospf/packet/prefix";
import { formatRouterId } from "#ospf/text";

/** Names of the LS types, as `show ospf database` takes them too. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [types.ROUTER_LSA, "router"],
  [types.NETWORK_LSA, "network"],
  [types.INTER_AREA_PREFIX_LSA, "inter-area-prefix"],
  [types.INTER_AREA_ROUTER_LSA, "inter-area-router"],
  [types.AS_EXTERNAL_LSA, "external"],
  [types.NSSA_LSA, "nssa"],
  [types.LINK_LSA, "link"],
  [types.INTRA_AREA_PREFIX_LSA, "intra-area-prefix"],
  [types.GRACE_LSA, "grace"],
]);
export const UNKNOWN = "unknown";

export const LSA_KINDS: readonly string[] = [...NAMES.values(), UNKNOWN];
export const kindOf = (type: number): string => NAMES.get(type) ?? UNKNOWN;

export interface PrefixView {
  readonly prefix: string;
  /** "NU", "LA", "P", "DN". */
  readonly flags: readonly string[];
  readonly metric?: number;
}

export interface RouterLinkView {
  /** "point-to-point", "transit", "virtual", or the type's number. */
  readonly type: string;
  readonly metric: number;
  readonly interfaceId: number;
  readonly neighborInterfaceId: number;
  readonly neighbor: string;
}

/** What an LSA says; which of it there is follows from its kind. */
export interface LsaBodyView {
  /** Router: "border", "boundary", "virtual", "translator". */
  readonly flags?: readonly string[];
  readonly options?: string;
  readonly links?: readonly RouterLinkView[];
  /** Network: router ids. */
  readonly attached?: readonly string[];
  readonly metric?: number;
  readonly metricType?: 1 | 2;
  readonly prefixes?: readonly PrefixView[];
  /** Inter-area-router: the boundary router. */
  readonly destination?: string;
  readonly forwardingAddress?: string;
  readonly tag?: number;
  readonly priority?: number;
  readonly linkLocal?: string;
  /** Intra-area-prefix, external: the LSA it belongs to. */
  readonly referenced?: string;
  /** Grace: seconds, and the reason. */
  readonly period?: number;
  readonly reason?: string;
  /** Of unknown types, hexadecimal. */
  readonly octets?: string;
}

export function bodyView(body: LsaBody): LsaBodyView {
  switch (body.kind) {
    case "router":
      return { flags: routerFlags(body.flags), options: formatOptions(body.options), links: body.links.map(linkView) };
    case "network":
      return { options: formatOptions(body.options), attached: body.attachedRouters.map(formatRouterId) };
    case "interAreaPrefix":
      return { metric: body.metric, prefixes: [prefixView(body.prefix)] };
    case "interAreaRouter": {
      const { options, metric, destinationRouterId } = body;
      return { options: formatOptions(options), metric, destination: formatRouterId(destinationRouterId) };
    }
    case "asExternal":
    case "nssa":
      return externalView(body);
    case "link": {
      const { priority, options, linkLocalAddress, prefixes } = body;
      const linkLocal = formatIpv6(linkLocalAddress);
      return { priority, options: formatOptions(options), linkLocal, prefixes: prefixes.map(prefixView) };
    }
    case "intraAreaPrefix": {
      const prefixes = body.prefixes.map((p) => ({ ...prefixView(p), metric: p.metric }));
      return { referenced: identityText(body.referenced), prefixes };
    }
    case "grace":
      return { period: body.gracePeriod, reason: REASONS[body.reason] ?? `${body.reason}` };
    case "unknown":
      return { octets: toHex(body.octets) };
  }
}

/** RFC 3623 appendix A. */
const REASONS: readonly string[] = ["unknown", "software restart", "software reload or upgrade", "switch to redundant"];

function externalView({ metricType, metric, prefix, forwardingAddress, tag, referenced }: ExternalRoute): LsaBodyView {
  return {
    metric,
    metricType,
    prefixes: [prefixView(prefix)],
    ...(forwardingAddress !== undefined && { forwardingAddress: formatIpv6(forwardingAddress) }),
    ...(tag !== undefined && { tag }),
    ...(referenced !== undefined && {
      referenced: `${kindOf(referenced.type)} ${formatRouterId(referenced.linkStateId)}`,
    }),
  };
}

const identityText = ({ type, linkStateId, advertisingRouter }: types.LsaIdentity): string =>
  `${kindOf(type)} ${formatRouterId(linkStateId)} of ${formatRouterId(advertisingRouter)}`;

const routerFlags = (flags: number): string[] =>
  named(flags, [
    [ROUTER_B, "border"],
    [ROUTER_E, "boundary"],
    [ROUTER_V, "virtual"],
    [ROUTER_NT, "translator"],
  ]);

const LINK_TYPES: Readonly<Record<number, string>> = {
  [POINT_TO_POINT_LINK]: "point-to-point",
  [TRANSIT_LINK]: "transit",
  [VIRTUAL_LINK]: "virtual",
};

const linkView = ({
  type,
  metric,
  interfaceId,
  neighborInterfaceId,
  neighborRouterId,
}: RouterLink): RouterLinkView => ({
  type: LINK_TYPES[type] ?? `${type}`,
  metric,
  interfaceId,
  neighborInterfaceId,
  neighbor: formatRouterId(neighborRouterId),
});

const prefixView = (prefix: AdvertisedPrefix): PrefixView => ({
  prefix: formatPrefix(prefix),
  flags: named(prefix.options, [
    [PREFIX_NU, "NU"],
    [PREFIX_LA, "LA"],
    [PREFIX_P, "P"],
    [PREFIX_DN, "DN"],
  ]),
});

const named = (bits: number, names: readonly (readonly [number, string])[]): string[] =>
  names.filter(([bit]) => (bits & bit) !== 0).map(([, name]) => name);
