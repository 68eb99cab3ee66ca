/** Intra-area-prefix-LSAs, of the router itself and of networks it is Designated Router of: RFC 5340 §4.4.3.9. */
import { formatPrefix, type Prefix } from "#base/address";
import type { Desired } from "#ospf/origination/desired";
import { deal, freshIds, type Item } from "#ospf/origination/fragments";
import { linkLsaOf } from "#ospf/origination/network-lsas";
import {
  adjacentTo,
  bodyRoom,
  designatedIn,
  hostOptions,
  isAdvertisable,
  isUp,
  ofKind,
  transitOf,
} from "#ospf/origination/standing";
import { INTRA_AREA_PREFIX_LSA, type LsaIdentity, NETWORK_LSA, ROUTER_LSA } from "#ospf/packet/lsa-header";
import { type MeasuredPrefix, PREFIX_LA, PREFIX_NU, prefixOctets } from "#ospf/packet/prefix";
import type { Area, Instance, Interface } from "#ospf/state";

/** Octets before the prefixes, and of each prefix before its address (§A.4.10). */
const FIXED = 12;
const PREFIX_FIXED = 4;

export function intraAreaPrefixLsas(instance: Instance, area: Area): Desired[] {
  const out = whatIsOut(instance, area);
  const fresh = freshIds(out.ids);
  const room = bodyRoom(area) - FIXED;
  const advertise = (referenced: LsaIdentity, prefixes: Prefixes): Desired[] => {
    const held = out.held.get(referenceOf(referenced)) ?? new Map<string, number>();
    const dealt = deal(itemsOf(prefixes), room, held, fresh);
    return Array.from(dealt, ([id, values]) => ({
      id,
      body: { kind: "intraAreaPrefix", referenced, prefixes: values },
    }));
  };
  const { routerId: advertisingRouter } = instance.config;
  const ofRouter = advertise({ type: ROUTER_LSA, linkStateId: 0, advertisingRouter }, routerPrefixes(instance, area));
  const ofNetworks = designatedIn(instance, area).map((on) =>
    advertise({ type: NETWORK_LSA, linkStateId: on.interfaceId, advertisingRouter }, networkPrefixes(on)),
  );
  return [ofRouter, ...ofNetworks].flat();
}

/** By text. */
type Prefixes = Map<string, MeasuredPrefix>;

/** Configured ones without a link, and those of links that nobody else tells of. */
function routerPrefixes(instance: Instance, area: Area): Prefixes {
  const prefixes: Prefixes = new Map();
  for (const { prefix, area: id, cost } of instance.config.prefixes) {
    if (id === area.id) add(prefixes, prefix, hostOptions(prefix), cost);
  }
  for (const on of area.interfaces) {
    if (!isUp(on)) continue;
    const isTransit = transitOf(instance, on) !== undefined;
    for (const prefix of on.config.prefixes) {
      // The Designated Router tells of a transit link's prefixes, but leaves addresses of routers to the routers.
      if (isTransit && hostOptions(prefix) === 0) continue;
      add(prefixes, prefix, hostOptions(prefix), on.config.cost);
    }
  }
  return prefixes;
}

/** What we and those fully adjacent to us say that is on the link. The way to the network counts, so that all cost 0. */
function networkPrefixes(on: Interface): Prefixes {
  const prefixes: Prefixes = new Map();
  for (const prefix of on.config.prefixes) {
    if (hostOptions(prefix) === 0) add(prefixes, prefix, 0, 0);
  }
  for (const neighbor of adjacentTo(on)) {
    for (const prefix of linkLsaOf(neighbor)?.prefixes ?? []) {
      if ((prefix.options & (PREFIX_NU | PREFIX_LA)) === 0) add(prefixes, prefix, prefix.options, 0);
    }
  }
  return prefixes;
}

/** The same prefix once: at its least cost, with all options that anyone gives it. */
function add(to: Prefixes, { address, length }: Prefix, options: number, metric: number): void {
  if (!isAdvertisable({ address, length })) return;
  const text = formatPrefix({ address, length });
  const before = to.get(text);
  to.set(text, {
    address,
    length,
    options: options | (before?.options ?? 0),
    metric: Math.min(metric, before?.metric ?? metric),
  });
}

const itemsOf = (prefixes: Prefixes): Item<MeasuredPrefix>[] =>
  Array.from(prefixes, ([key, value]) => ({ key, octets: PREFIX_FIXED + prefixOctets(value.length), value }));

/** By what they refer to, the prefixes that are out, and in which LSA. `ids`: all Link State IDs in use. */
function whatIsOut(instance: Instance, area: Area): { held: Map<string, Map<string, number>>; ids: number[] } {
  const held = new Map<string, Map<string, number>>();
  const ids: number[] = [];
  for (const { lsa, body } of area.database.ofRouter(INTRA_AREA_PREFIX_LSA, instance.config.routerId)) {
    const { linkStateId } = lsa.header;
    ids.push(linkStateId);
    const said = ofKind(body, "intraAreaPrefix");
    if (said === undefined) continue;
    const reference = referenceOf(said.referenced);
    const places = held.get(reference) ?? new Map<string, number>();
    held.set(reference, places);
    for (const prefix of said.prefixes) places.set(formatPrefix(prefix), linkStateId);
  }
  return { held, ids };
}

const referenceOf = ({ type, linkStateId }: LsaIdentity): string => `${type}.${linkStateId}`;
