/** What differs between the configuration that runs and a new one: `ain reload` prints this plan, then applies it. */

import type { AreaConfig } from "#ospf/config";
import { formatRouterId } from "#ospf/text";
import {
  type Facts,
  homeFacts,
  listDifferences,
  listFacts,
  networkFacts,
  routeFacts,
  ruleFacts,
  uplinkFacts,
  vmFacts,
  vmPortFacts,
} from "#router/config/facts";
import type { Configuration, FabricRule, Home, Network, NodeOspf, Route, Uplink, Vm } from "#router/config/model";
import { areaFacts, type OspfInterface, ospfFacts, ospfInterfaceFacts } from "#router/config/ospf-facts";
import { SETTINGS } from "#router/config/settings";

/** `before` is absent for what is new, `after` for what goes. */
interface ChangeOf<What extends string, Item> {
  readonly what: What;
  /** Unique among the changes of its kind; a home's is its index, a route's its destination, OSPF's the router id. */
  readonly name: string;
  readonly before?: Item;
  readonly after?: Item;
}

export interface SettingChange extends ChangeOf<"setting", string> {
  /** Why this cannot be applied to a running router; absent when it can. */
  readonly restart?: string;
}

export type Change =
  | SettingChange
  | ChangeOf<"network", Network>
  | ChangeOf<"rule", FabricRule>
  | ChangeOf<"home", Home>
  | ChangeOf<"uplink", Uplink>
  | ChangeOf<"route", Route>
  | ChangeOf<"vm", Vm>
  | ChangeOf<"ospf", NodeOspf>
  | ChangeOf<"ospf area", AreaConfig>
  | ChangeOf<"ospf interface", OspfInterface>;

/** A kind of thing that a configuration has several of. */
interface Kind<What extends string, Item> {
  readonly what: What;
  readonly itemsOf: (configuration: Configuration) => Map<string, Item>;
  readonly factsOf: (item: Item) => Facts;
}

const NETWORK: Kind<"network", Network> = {
  what: "network",
  itemsOf: ({ fabric }) => byName(fabric.networks),
  factsOf: networkFacts,
};
const RULE: Kind<"rule", FabricRule> = {
  what: "rule",
  itemsOf: ({ fabric }) => byName(fabric.rules),
  factsOf: ruleFacts,
};
const HOME: Kind<"home", Home> = {
  what: "home",
  itemsOf: ({ fabric }) => new Map(fabric.homes.map((home, index) => [`${index}`, home])),
  factsOf: homeFacts,
};
const UPLINK: Kind<"uplink", Uplink> = {
  what: "uplink",
  itemsOf: ({ node }) => byName(node.uplinks),
  factsOf: uplinkFacts,
};
const ROUTE: Kind<"route", Route> = {
  what: "route",
  itemsOf: ({ node }) => new Map(node.routes.map((route) => [route.to.text, route])),
  factsOf: routeFacts,
};
const VM: Kind<"vm", Vm> = { what: "vm", itemsOf: ({ node }) => byName(node.vms), factsOf: vmFacts };
const OSPF: Kind<"ospf", NodeOspf> = {
  what: "ospf",
  itemsOf: ({ node: { ospf } }) => new Map(ospf ? [[formatRouterId(ospf.config.routerId), ospf]] : []),
  factsOf: ospfFacts,
};
const AREA: Kind<"ospf area", AreaConfig> = {
  what: "ospf area",
  itemsOf: ({ node: { ospf } }) => new Map(ospf?.config.areas.map((area) => [formatRouterId(area.id), area])),
  factsOf: areaFacts,
};
const OSPF_INTERFACE: Kind<"ospf interface", OspfInterface> = {
  what: "ospf interface",
  itemsOf: ({ node: { ospf } }) =>
    new Map(ospf?.config.interfaces.map((config) => [config.name, { config, bfd: ospf.bfd.get(config.name) }])),
  factsOf: ospfInterfaceFacts,
};

const byName = <T extends { readonly name: string }>(items: readonly T[]): Map<string, T> =>
  new Map(items.map((item) => [item.name, item]));

/**
 * All differences, in the order settings, networks, rules, homes, uplinks, routes, VMs, OSPF; in each what goes, what changes, what
 * is new. Empty when nothing differs.
 */
export const planChange = (before: Configuration, after: Configuration): Change[] => [
  ...settingChanges(before, after),
  ...changesOf(NETWORK, before, after),
  ...changesOf(RULE, before, after),
  ...changesOf(HOME, before, after),
  ...changesOf(UPLINK, before, after),
  ...changesOf(ROUTE, before, after),
  ...changesOf(VM, before, after),
  ...changesOf(OSPF, before, after),
  ...changesOf(AREA, before, after),
  ...changesOf(OSPF_INTERFACE, before, after),
];

/** The same where only VMs can differ. */
export const planVmChange = (before: Configuration, after: Configuration): Change[] => changesOf(VM, before, after);

/** False when all that differs is what the services at the VM's port look at. */
export const needsAnotherPort = (before: Vm, after: Vm): boolean =>
  listDifferences(vmPortFacts(before), vmPortFacts(after)) !== "";

function settingChanges(before: Configuration, after: Configuration): SettingChange[] {
  return SETTINGS.flatMap(({ name, of, secret, restart }) => {
    const [was, is] = [of(before), of(after)];
    if (was === is) return [];
    const words = secret ? { before: "(secret)", after: "(another)" } : { before: was, after: is };
    return [{ what: "setting", name, ...words, ...(restart !== undefined && { restart }) }];
  });
}

function changesOf<What extends string, Item>(
  { what, itemsOf, factsOf }: Kind<What, Item>,
  before: Configuration,
  after: Configuration,
): ChangeOf<What, Item>[] {
  const [were, are] = [itemsOf(before), itemsOf(after)];
  const gone = [...were].filter(([name]) => !are.has(name)).map(([name, was]) => ({ what, name, before: was }));
  const fresh = [...are].filter(([name]) => !were.has(name)).map(([name, is]) => ({ what, name, after: is }));
  const changed = [...are].flatMap(([name, is]) => {
    const was = were.get(name);
    if (was === undefined || listDifferences(factsOf(was), factsOf(is)) === "") return [];
    return [{ what, name, before: was, after: is }];
  });
  return [...gone, ...changed, ...fresh];
}

/** One line: `+ vm web2: network blue/prod …`, `~ uplink up1: mtu 1500 → 9000`, `- route ::/0: via …`. */
export function describeChange(change: Change): string {
  switch (change.what) {
    case "setting": {
      const restart = change.restart === undefined ? "" : ` (needs a restart: ${change.restart})`;
      return `~ ${change.name}: ${change.before} → ${change.after}${restart}`;
    }
    case "network":
      return describe(NETWORK, change);
    case "rule":
      return describe(RULE, change);
    case "home":
      return describe(HOME, change);
    case "uplink":
      return describe(UPLINK, change);
    case "route":
      return describe(ROUTE, change);
    case "vm":
      return describe(VM, change);
    case "ospf":
      return describe(OSPF, change);
    case "ospf area":
      return describe(AREA, change);
    case "ospf interface":
      return describe(OSPF_INTERFACE, change);
  }
}

function describe<What extends string, Item>({ factsOf }: Kind<What, Item>, change: ChangeOf<What, Item>): string {
  const { what, name, before, after } = change;
  if (before === undefined) return after === undefined ? "" : `+ ${what} ${name}: ${listFacts(factsOf(after))}`;
  if (after === undefined) return `- ${what} ${name}: ${listFacts(factsOf(before))}`;
  return `~ ${what} ${name}: ${listDifferences(factsOf(before), factsOf(after))}`;
}
