/** From the checked section `ospf:` to what the OSPF core and its host run with. */
import { dirname, resolve } from "node:path";
import {
  type AreaConfig,
  DEFAULT_SPF_DELAYS,
  type ExternalPrefix,
  type InterfaceConfig,
  type StubPrefix,
} from "#ospf/config";
import type { Address, Fabric, NodeOspf, Route } from "#router/config/model";
import type { Place } from "#router/config/node-in-fabric";
import { type AreaSettings, DEFAULT_HELLO, type InterfaceSettings, type OspfSection } from "#router/config/ospf";

export interface Around {
  /** The node's file: paths are from its folder. */
  readonly file: string;
  readonly fabric: Fabric;
  readonly place: Place;
  readonly routes: readonly Route[];
}

export function buildOspf(section: OspfSection, { file, fabric, place, routes }: Around): NodeOspf {
  const { spf, gracefulRestart, maxPaths, maxLsas, record } = section;
  const interfaces = [...section.interfaces].map(([name, settings]) => buildInterface(name, settings, section.area));
  const area = areaOfNode(section.area, interfaces);
  const wanted = new Set([area, ...interfaces.map((one) => one.area), ...section.areas.keys()]);
  return {
    config: {
      routerId: section.routerId ?? defaultRouterId(place),
      areas: [...wanted].sort((a, b) => a - b).map((id) => buildArea(id, section.areas.get(id))),
      interfaces,
      prefixes: ownPrefixes(fabric, place, area),
      external: externalPrefixes(section, routes),
      spf: { ...DEFAULT_SPF_DELAYS, ...definedOf(spf) },
      gracefulRestart: { period: gracefulRestart.period / 1000, helper: gracefulRestart.helper },
      maxPaths,
      maxLsas,
    },
    alwaysDefault: section.redistribute.default?.always ?? false,
    bfd: new Map([...section.interfaces].flatMap(([name, { bfd }]) => (bfd ? [[name, bfd] as const] : []))),
    ...(record !== undefined && {
      record: { file: resolve(dirname(file), record.file), limit: record.limit * 2 ** 20 },
    }),
  };
}

/**
 * Router ids that nobody has to think of: hypervisors have the number of their first home and one more, as no two share
 * a home; switches have the upper half of the ids and a hash of their address, where two of n differ but for n² in 2^32.
 */
export const defaultRouterId = ({ address, homes }: Place): number =>
  homes.length > 0 ? homes[0]! + 1 : 0x8000_0000 + (hashOf(address) >>> 1);

const hashOf = (address: Address): number => Bun.hash.xxHash32(address.bytes);

/** The area that the node's own prefixes are told in: the one configured, if an interface is in it. */
function areaOfNode(area: number, interfaces: readonly InterfaceConfig[]): number {
  const areas = interfaces.map((one) => one.area);
  return areas.length === 0 || areas.includes(area) ? area : Math.min(...areas);
}

/** A hypervisor's own address lies in its first home; a switch's stands alone. */
function ownPrefixes(fabric: Fabric, { address, homes }: Place, area: number): StubPrefix[] {
  const prefixes = homes.map((home) => fabric.homes[home]!.prefix);
  const own = prefixes.length > 0 ? prefixes : [{ address: address.bytes, length: 128 }];
  return own.map(({ address, length }) => ({ prefix: { address, length }, area, cost: 0 }));
}

const buildArea = (id: number, settings: AreaSettings | undefined): AreaConfig => ({
  id,
  kind: settings?.kind ?? "normal",
  summaries: settings?.summaries ?? true,
  defaultCost: settings?.defaultCost ?? 1,
  ranges: (settings?.ranges ?? []).map(({ prefix: { address, length }, advertise, cost }) => ({
    prefix: { address, length },
    advertise,
    ...(cost !== undefined && { cost }),
  })),
  translate: settings?.translate ?? "candidate",
});

function buildInterface(name: string, settings: InterfaceSettings, nodeArea: number): InterfaceConfig {
  const { area, kind, cost, hello = DEFAULT_HELLO, dead, retransmit, transmitDelay, priority } = settings;
  const { passive, mtuIgnore, instance, prefixes, bfd, auth } = settings;
  return {
    name,
    area: area ?? nodeArea,
    kind: kind ?? "point-to-point",
    cost: cost ?? 10,
    helloInterval: hello,
    deadInterval: dead ?? 4 * hello,
    retransmitInterval: retransmit ?? 5000,
    transmitDelay: (transmitDelay ?? 1000) / 1000,
    priority: priority ?? 1,
    passive: passive ?? false,
    mtuIgnore: mtuIgnore ?? false,
    instanceId: instance ?? 0,
    prefixes: (prefixes ?? []).map(({ address, length }) => ({ address, length })),
    bfd: bfd !== undefined && bfd !== false,
    ...(auth !== undefined && { authentication: auth }),
  };
}

const DEFAULT_ROUTE = "::/0";

function externalPrefixes({ redistribute }: OspfSection, routes: readonly Route[]): ExternalPrefix[] {
  const prefixes: ExternalPrefix[] = [];
  const add = (
    to: Route["to"],
    { metricType, metric, tag }: { metricType: 1 | 2; metric: number; tag: number | undefined },
  ) =>
    prefixes.push({
      prefix: { address: to.address, length: to.length },
      metric,
      metricType,
      ...(tag !== undefined && { tag }),
    });
  const { static: settings, default: ownDefault } = redistribute;
  for (const { to } of routes) {
    if (settings === undefined || to.text === DEFAULT_ROUTE) continue;
    add(to, { ...settings, metric: settings.metric ?? 20, tag: settings.tag });
  }
  const has = routes.some(({ to }) => to.text === DEFAULT_ROUTE);
  if (ownDefault !== undefined && (ownDefault.always || has)) {
    const everything = { text: DEFAULT_ROUTE, address: new Uint8Array(16), length: 0 };
    add(everything, { ...ownDefault, metric: ownDefault.metric ?? 10, tag: ownDefault.tag });
  }
  return prefixes;
}

/** Without the keys that are undefined. */
const definedOf = <T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as never;
