/** Reads the rules of a fabric.yaml: names looked up, what cannot be or contradicts another refused. */
import type { z } from "zod";
import { overlaps } from "#base/address";
import { u32 } from "#base/bytes";
import { addressClasses, classesWithin, fabricHosts, publicClasses } from "#policy/address-classes";
import { type IidPrefix, OUTSIDE } from "#policy/rules";
import type { FabricRule, Network, RuleEnd } from "#router/config/model";
import { type end, PROTOCOLS, rule as ruleSchema, WITH_PORTS } from "#router/config/rule-schema";
import { closest } from "#runtime/document/closest";
import type { Path } from "#runtime/document/config-error";
import type { Inspector } from "#runtime/document/inspector";

/** What the names in rules stand for. */
export interface Names {
  readonly tenantBits: number;
  /** Name → id. */
  readonly tenants: ReadonlyMap<string, number>;
  readonly networks: readonly Network[];
  /** False: the fabric has no gateways. */
  readonly hasOutside: boolean;
}

/** Whose rules they are; undefined: the operator's. */
export interface Owner {
  readonly tenant: string;
  readonly tenantId: number;
}

const EVERYTHING: IidPrefix = { tags: 0, host: 0, length: 0 };

/** The rules of the list at `path`; of those that are wrong, the errors. */
export function inspectRules(inspector: Inspector, path: Path, names: Names, owner?: Owner): FabricRule[] {
  const seen = new Map<string, { path: Path; action: string }>();
  const rules = inspector.readList(ruleSchema, path).flatMap(({ index, value }) => {
    const at = [...path, index];
    const twin = seen.get(`name ${value.name}`);
    if (twin !== undefined) {
      const found = `the rule ${value.name}, as in ${inspector.lineOf(twin.path)}`;
      inspector.report([...at, "name"], { found, expected: "each name once" });
    }
    seen.set(`name ${value.name}`, twin ?? { path: at, action: value.action });
    checkProtocol(inspector, at, value);
    const rule = resolved(inspector, at, value, { names, owner });
    if (rule === undefined) return [];
    const key = `match ${matchOf(rule)} ${rule.priority}`;
    const other = seen.get(key);
    if (other !== undefined && other.action !== rule.action) {
      const found = `${rule.action}, where the rule in ${inspector.lineOf(other.path)} says ${other.action} of the same`;
      inspector.report([...at, "action"], { found, expected: "rules that do not contradict (or another priority)" });
    }
    seen.set(key, other ?? { path: at, action: rule.action });
    return [rule];
  });
  // The order in the file means nothing, so that moving a rule changes nothing.
  return rules.sort((a, b) => a.priority - b.priority || (a.name < b.name ? -1 : 1));
}

type Written = z.output<typeof ruleSchema>;

function checkProtocol(inspector: Inspector, path: Path, { protocol, ports, sourcePorts, ...icmp }: Written): void {
  const hasPorts = protocol !== undefined && WITH_PORTS.includes(protocol);
  for (const [key, value] of Object.entries({ ports, sourcePorts })) {
    if (value === undefined || hasPorts) continue;
    const found = protocol === undefined ? `${key} without a protocol` : `${key} beside protocol ${protocol}`;
    inspector.report([...path, key], { found, expected: "protocol: tcp, udp or sctp beside ports", aim: "key" });
  }
  for (const key of ["icmpType", "icmpCode"] as const) {
    if (icmp[key] === undefined || protocol === PROTOCOLS.icmp) continue;
    const expected = `protocol: icmp beside ${key}`;
    const found = protocol === undefined ? `${key} without a protocol` : `${key} beside protocol ${protocol}`;
    inspector.report([...path, key], { found, expected, aim: "key" });
  }
  if (icmp.icmpCode !== undefined && icmp.icmpType === undefined) {
    inspector.report([...path, "icmpCode"], { found: "icmpCode without icmpType", expected: "both", aim: "key" });
  }
}

interface Context {
  readonly names: Names;
  readonly owner: Owner | undefined;
}

function resolved(inspector: Inspector, path: Path, written: Written, context: Context): FabricRule | undefined {
  const { name, action, priority, stateful, log, protocol, ports, sourcePorts, icmpType, icmpCode } = written;
  const from = endsOf(inspector, [...path, "from"], written.from, context.names);
  const to = endsOf(inspector, [...path, "to"], written.to, context.names);
  if (from === undefined || to === undefined) return undefined;
  const { owner } = context;
  if (owner !== undefined && ![...from, ...to].some((each) => concerns(each, owner, context.names.tenantBits))) {
    const found = `a rule from ${textOf(from)} to ${textOf(to)}`;
    inspector.report(path, { found, expected: `a rule with ${owner.tenant}'s own networks at one end` });
    return undefined;
  }
  return {
    name: owner === undefined ? name : `${owner.tenant}/${name}`,
    ...(owner !== undefined && { tenantId: owner.tenantId }),
    ...{ from, to, action, priority, stateful, log },
    ...(protocol !== undefined && { protocol }),
    ports: ports ?? [],
    sourcePorts: sourcePorts ?? [],
    ...(icmpType !== undefined && { icmp: { type: icmpType, ...(icmpCode !== undefined && { code: icmpCode }) } }),
  };
}

const textOf = (ends: readonly RuleEnd[]): string => ends.map(({ text }) => text).join(", ");

/** True when some address of the end is, or may be, the tenant's. */
function concerns({ prefixes }: RuleEnd, { tenantId }: Owner, tenantBits: number): boolean {
  return prefixes.some(({ tags, length }) => length === 0 || Math.floor(tags / 2 ** (32 - tenantBits)) === tenantId);
}

function endsOf(
  inspector: Inspector,
  path: Path,
  written: readonly z.output<typeof end>[],
  names: Names,
): RuleEnd[] | undefined {
  const isList = Array.isArray(inspector.valueAt(path));
  const ends = written.map((each, i) => endOf(inspector, isList ? [...path, i] : path, each, names));
  return ends.every((each) => each !== undefined) ? ends : undefined;
}

function endOf(inspector: Inspector, path: Path, written: z.output<typeof end>, names: Names): RuleEnd | undefined {
  if (typeof written !== "string") return withPrefix(inspector, path, written, names);
  if (written === "any") return { text: written, prefixes: [EVERYTHING] };
  if (written === PUBLIC) return { text: written, prefixes: publicPrefixes(names.networks) };
  if (written === "outside") {
    if (names.hasOutside) return { text: written, prefixes: [OUTSIDE] };
    const expected = "outside: { prefix: … } in the fabric's file beside rules that name it";
    inspector.report(path, { found: "outside, in a fabric without one", expected });
    return undefined;
  }
  if (written.includes("/")) {
    const network = networkOf(inspector, path, written, names);
    return network && { text: written, prefixes: [{ tags: network.tags, host: 0, length: 32 }] };
  }
  const id = names.tenants.get(written);
  if (id !== undefined) return { text: written, prefixes: [tenantPrefix(id, names.tenantBits)] };
  reportUnknown(inspector, path, { kind: "tenant", name: written, names });
  return undefined;
}

/** All addresses of a tenant. */
export const tenantPrefix = (id: number, tenantBits: number): IidPrefix => ({
  tags: id * 2 ** (32 - tenantBits),
  host: 0,
  length: tenantBits,
});

/** All public addresses of these networks, of both families. */
export const publicPrefixes = (networks: readonly Network[]): IidPrefix[] =>
  networks.flatMap(({ tags, publicPrefixes: own, publicIpv6, classes }) => [
    ...own.map(({ address, length }) => ({ tags, host: u32(address, 0), length: 32 + length })),
    ...(publicIpv6 ? [fabricHosts(tags)] : []),
    ...publicClasses(tags, classes),
  ]);

/**
 * Networks with the numbers by which rules know addresses that tenants brought, and rules that go by these. It comes after all
 * rules are read, since the prefixes that they name are told apart.
 */
export function classify(
  networks: readonly Network[],
  rules: readonly FabricRule[],
): { networks: Network[]; rules: FabricRule[] } {
  const ends = rules.flatMap(({ from, to }) => [...from, ...to]);
  const classified = networks.map((network): Network => {
    const named = ends.flatMap(({ brought }) => (brought?.tags === network.tags ? [brought.prefix] : []));
    return { ...network, classes: addressClasses(network.tenantPrefixes, named) };
  });
  const settle = ({ text, prefixes, brought }: RuleEnd): RuleEnd => {
    if (text === PUBLIC) return { text, prefixes: publicPrefixes(classified) };
    if (brought === undefined) return { text, prefixes };
    const { classes } = classified.find(({ tags }) => tags === brought.tags)!;
    return { text, prefixes: classesWithin(brought.tags, classes, brought.prefix) };
  };
  const settled = rules.map((rule) => ({ ...rule, from: rule.from.map(settle), to: rule.to.map(settle) }));
  return { networks: classified, rules: settled };
}

const PUBLIC = "public";

function withPrefix(
  inspector: Inspector,
  path: Path,
  { network: name, prefix }: Exclude<z.output<typeof end>, string>,
  names: Names,
): RuleEnd | undefined {
  const network = networkOf(inspector, [...path, "network"], name, names);
  if (network === undefined) return undefined;
  const isIpv6 = prefix.address.length === 16;
  const own = isIpv6 ? network.tenantPrefixes : [...network.prefixes, ...network.publicPrefixes];
  if (!own.some((each) => overlaps(each, prefix))) {
    const texts = own.map(({ text }) => text).join(", ") || "it has none";
    const expected = `${isIpv6 ? "tenantPrefixes" : "addresses"} of ${name} (${texts})`;
    inspector.report([...path, "prefix"], { found: prefix.text, expected });
    return undefined;
  }
  const { address, length } = prefix;
  const { tags } = network;
  const text = `${name} ${prefix.text}`;
  if (isIpv6) return { text, prefixes: [{ tags, host: 0, length: 32 }], brought: { tags, prefix } };
  return { text, prefixes: [{ tags, host: u32(address, 0), length: 32 + length }] };
}

function networkOf(inspector: Inspector, path: Path, name: string, names: Names): Network | undefined {
  const network = names.networks.find((each) => each.name === name);
  if (network === undefined) reportUnknown(inspector, path, { kind: "network", name, names });
  return network;
}

interface Unknown {
  readonly kind: "tenant" | "network";
  readonly name: string;
  readonly names: Names;
}

function reportUnknown(inspector: Inspector, path: Path, { kind, name, names }: Unknown): void {
  const networks = names.networks.map((each) => each.name);
  const known = kind === "network" ? networks : [...names.tenants.keys(), "any", "public", "outside", ...networks];
  const meant = closest(name, known);
  inspector.report(path, {
    found: `the unknown ${kind} "${name}"`,
    expected:
      kind === "network" ? "one of the fabric's networks" : "any, public, outside, a tenant or a network of the fabric",
    ...(meant !== undefined && { hint: `Did you mean "${meant}"?` }),
  });
}

/** What it matches, in words that are the same for the same. */
const matchOf = ({ from, to, protocol, ports, sourcePorts, icmp }: FabricRule): string => {
  const sorted = (texts: readonly string[]): string => [...texts].sort().join(",");
  const ranges = (list: FabricRule["ports"]): string => sorted(list.map(({ first, last }) => `${first}-${last}`));
  const ends = (list: readonly RuleEnd[]): string => sorted(list.map(({ text }) => text));
  return [ends(from), ends(to), protocol, ranges(ports), ranges(sourcePorts), icmp?.type, icmp?.code].join(" ");
};
