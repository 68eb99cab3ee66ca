/** NSSA-LSAs: RFC 5340 §4.4.3.7, RFC 3101 §2.3, §2.4 and §2.7. */
import { compareAddresses, formatPrefix, type Prefix } from "#base/address";
import type { Desired } from "#ospf/origination/desired";
import { routeOf } from "#ospf/origination/external-lsas";
import { DEFAULT_PREFIX, DEFAULT_TEXT } from "#ospf/origination/inter-area-lsas";
import { isActive, isAdvertisable, isUp, reachesAs } from "#ospf/origination/standing";
import { PREFIX_P } from "#ospf/packet/prefix";
import type { Area, Instance } from "#ospf/state";

/**
 * The configured external prefixes, and a border router's default.
 *
 * What we tell the whole autonomous system ourselves must not be translated once more, so the P-bit is set by routers
 * inside the NSSA alone. It asks for a forwarding address: without one, nothing is originated (§2.3).
 */
export function nssaLsas(instance: Instance, area: Area): Desired[] {
  if (area.config.kind !== "nssa" || !isActive(area)) return [];
  const desired = new Map<string, Desired>();
  if (instance.isBorder && area.config.summaries) desired.set(DEFAULT_TEXT, borderDefault(area));
  const isTranslated = !reachesAs(instance);
  const forwarding = isTranslated ? forwardingAddress(instance, area) : undefined;
  if (lacksForwardingAddress(instance, area)) return [...desired.values()];
  for (const external of instance.config.external) {
    const { prefix } = external;
    if (!isAdvertisable(prefix)) continue;
    // Where summaries are left out, the default is an inter-area one (§2.7).
    if (prefix.length === 0 && instance.isBorder && !area.config.summaries) continue;
    const id = formatPrefix(prefix);
    desired.set(id, { id, body: { kind: "nssa", ...routeOf(external, isTranslated ? PREFIX_P : 0, forwarding) } });
  }
  return [...desired.values()];
}

/** True: external prefixes are configured, and none is told in this NSSA for want of an address (§2.3). */
export function lacksForwardingAddress(instance: Instance, area: Area): boolean {
  if (area.config.kind !== "nssa" || !isActive(area) || instance.config.external.length === 0) return false;
  return !reachesAs(instance) && forwardingAddress(instance, area) === undefined;
}

/** Must be there, its P-bit clear (§2.4). Type 2: any default from inside of type 1 is preferred to it. */
const borderDefault = ({ config }: Area): Desired => ({
  id: DEFAULT_TEXT,
  body: {
    kind: "nssa",
    metricType: 2,
    metric: config.defaultCost,
    prefix: { ...DEFAULT_PREFIX, options: 0 },
  },
});

/**
 * An address that all of the NSSA reaches through us, whatever becomes of a link: one of ours before one of a link, and
 * none of a link with other routers on it, which would take packets for it as well (§2.3). Where a prefix has no host's
 * length its first address stands for the routers on it (RFC 4291 §2.6.1).
 */
export function forwardingAddress(instance: Instance, area: Area): Uint8Array | undefined {
  const own = instance.config.prefixes.filter((stub) => stub.area === area.id).map(({ prefix }) => prefix);
  const links = [...area.interfaces].filter(isUp);
  const hosts = links.flatMap(({ config }) => config.prefixes).filter(isHost);
  const silent = links.filter(({ config }) => config.passive).flatMap(({ config }) => config.prefixes);
  const candidates = [own.filter(isHost), hosts, own, silent].map((prefixes) =>
    prefixes.filter((prefix) => prefix.length > 0 && isAdvertisable(prefix)).map(({ address }) => address),
  );
  return candidates.find(({ length }) => length > 0)?.reduce((a, b) => (compareAddresses(a, b) <= 0 ? a : b));
}

const isHost = ({ length }: Prefix): boolean => length === 128;
