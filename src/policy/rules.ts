/**
 * The rules that decide which packets pass between addresses of the fabric: their model, the defaults of paper §2.4, and
 * an evaluator that takes the words below one by one. Forwarders use the compiled form (fastpath/tables/rule-compiler.ts);
 * {@link decideNaively} says what it must answer.
 *
 * Rules are asked by priority, the smaller first; at equal priority a deny before an allow, then in the order of the list.
 * The first that matches decides. What no rule matches is dropped.
 *
 * **ICMP has one numbering here: ICMPv4's**, protocol 1. A packet between IPv4 hosts crosses the fabric as ICMPv6, and
 * whoever asks turns its type and code back first (RFC 7915 §5.2), so that both ends of the fabric ask the same question.
 * ICMPv6 types without a counterpart keep protocol 58 and their own number.
 *
 * **A later fragment** shows neither ports nor ICMP type, so a rule about those may or may not be meant. An allow that
 * may be meant lets it pass, and a deny that may be meant does not stop it: the first fragment is judged by the rules as
 * they are, and without it the others are of no use to anyone (RFC 1858 §2).
 */
import { OUTSIDE_TAGS } from "#policy/homes";
import { hasPorts, PROTOCOL_ICMP4, PROTOCOL_ICMP6 } from "#wire/protocol";

/** The last 64 bits of a network address: tags, then the IPv4 address. */
export interface Iid {
  /** Unsigned 32 bits: tenant and network. */
  readonly tags: number;
  /** Unsigned 32 bits: the IPv4 address. */
  readonly host: number;
}

/**
 * The interface identifiers that begin with the first `length` bits of tags ‖ host: 0 all of them, as many bits as a
 * tenant has a tenant's, 32 a network's, 32 + n an IPv4 prefix inside a network.
 */
export interface IidPrefix extends Iid {
  /** 0 … 64. Bits after it are ignored. */
  readonly length: number;
}

export interface PortRange {
  /** 0 … 65535. */
  readonly first: number;
  /** Included. 0 … 65535; below `first`: no port at all. */
  readonly last: number;
}

export interface Rule {
  readonly name: string;
  /** 0 … 65535, the smaller is asked first. */
  readonly priority: number;
  /** Any of them. None: the rule matches nothing. */
  readonly source: readonly IidPrefix[];
  readonly destination: readonly IidPrefix[];
  /** 0 … 255; undefined: every protocol, or with ports every one that has ports. */
  readonly protocol?: number;
  /** Any of them; undefined or none: all. With a protocol that has no ports the rule matches nothing. */
  readonly sourcePorts?: readonly PortRange[];
  readonly destinationPorts?: readonly PortRange[];
  /** Goes with protocol 1 or 58 only (else the rule matches nothing). Type and code 0 … 255. */
  readonly icmp?: { readonly type: number; readonly code?: number };
  readonly action: "allow" | "deny";
  /** Of an allow: packets of the other direction pass too, as far as they belong to what it let through. */
  readonly stateful: boolean;
  readonly log: boolean;
}

/** What a packet shows to the rules. */
export interface Packet {
  readonly source: Iid;
  readonly destination: Iid;
  /** 0 … 255. */
  readonly protocol: number;
  /** Undefined where the packet does not show them: a later fragment, a protocol without ports. */
  readonly ports?: { readonly source: number; readonly destination: number };
  /** The same of protocols 1 and 58. */
  readonly icmp?: { readonly type: number; readonly code: number };
}

/** Priority of the defaults; they stand behind all others in the list, so nothing comes after them. */
export const DEFAULT_PRIORITY = 65535;

/** What the defaults of a deployment are made from. */
export interface Deployment {
  readonly networks: readonly { readonly name: string; readonly tags: number }[];
  /** All public addresses: network and IPv4 prefix. */
  readonly publicPrefixes: readonly IidPrefix[];
  /** Networks that have a route to the outside. Default: none. */
  readonly withGateway?: readonly { readonly name: string; readonly tags: number }[];
}

/**
 * Paper §2.4, to be put behind all other rules: inside one tenant network everything passes, its public addresses
 * included; between public addresses everything passes whatever the tags. Nothing else does: private and public addresses
 * of different networks need a rule. Stateless, since each holds for both directions. To the outside a network with a
 * route there may begin connections; from there nothing begins, public addresses or not.
 */
export function defaultRules({ networks, publicPrefixes, withGateway = [] }: Deployment): Rule[] {
  const allow = (name: string, ends: readonly IidPrefix[]): Rule => ({
    name,
    priority: DEFAULT_PRIORITY,
    source: ends,
    destination: ends,
    action: "allow",
    stateful: false,
    log: false,
  });
  const inside = networks.map(({ name, tags }) => allow(`default inside ${name}`, [{ tags, host: 0, length: 32 }]));
  const outside = withGateway.map(({ name, tags }): Rule => {
    const ends = { source: [{ tags, host: 0, length: 32 }], destination: [OUTSIDE] };
    return { ...allow(`default outside ${name}`, []), ...ends, stateful: true };
  });
  const open = publicPrefixes.length === 0 ? [] : [allow("default public", publicPrefixes)];
  return [...inside, ...open, ...outside];
}

/** Every host outside the data centre. */
export const OUTSIDE: IidPrefix = { tags: OUTSIDE_TAGS, host: 0, length: 32 };

/** The rules in the order in which they are asked. */
export function inPrecedence<R extends Rule>(rules: readonly R[]): R[] {
  return rules.toSorted(
    (a, b) => a.priority - b.priority || Number(a.action === "allow") - Number(b.action === "allow"),
  );
}

/** The rule that decides about the packet; undefined: none, and the packet is dropped. Asks every rule in turn. */
export const decideNaively = <R extends Rule>(rules: readonly R[], packet: Packet): R | undefined =>
  firstMatch(inPrecedence(rules), packet);

/** The same of rules that are in the order of {@link inPrecedence} already. */
export function firstMatch<R extends Rule>(rules: readonly R[], packet: Packet): R | undefined {
  return rules.find((rule) => {
    const match = matchOf(rule, packet);
    return match === "yes" || (match === "maybe" && rule.action === "allow");
  });
}

/** "maybe": what the rule asks for is not to be seen in this fragment. */
export function matchOf(rule: Rule, packet: Packet): "yes" | "no" | "maybe" {
  const ends =
    rule.source.some((prefix) => covers(prefix, packet.source)) &&
    rule.destination.some((prefix) => covers(prefix, packet.destination));
  if (!ends || (rule.protocol !== undefined && rule.protocol !== packet.protocol)) return "no";
  const ports = asksForPorts(rule);
  if (ports && !hasPorts(packet.protocol)) return "no";
  if (rule.icmp !== undefined && (ports || !isIcmp(rule.protocol))) return "no";
  if (ports && packet.ports === undefined) return "maybe";
  if (rule.icmp !== undefined && packet.icmp === undefined) return "maybe";
  return portsMatch(rule, packet) && icmpMatches(rule, packet) ? "yes" : "no";
}

const isIcmp = (protocol: number | undefined): boolean => protocol === PROTOCOL_ICMP4 || protocol === PROTOCOL_ICMP6;

/** True when only a packet that shows its ports can be known to match. */
export const asksForPorts = (rule: Pick<Rule, "sourcePorts" | "destinationPorts">): boolean =>
  (rule.sourcePorts?.length ?? 0) > 0 || (rule.destinationPorts?.length ?? 0) > 0;

function portsMatch(rule: Rule, { ports }: Packet): boolean {
  if (ports === undefined) return true;
  return within(rule.sourcePorts, ports.source) && within(rule.destinationPorts, ports.destination);
}

const within = (ranges: readonly PortRange[] | undefined, port: number): boolean =>
  ranges === undefined || ranges.length === 0 || ranges.some(({ first, last }) => first <= port && port <= last);

function icmpMatches({ icmp: wanted }: Rule, { icmp: shown }: Packet): boolean {
  if (wanted === undefined || shown === undefined) return true;
  return wanted.type === shown.type && (wanted.code === undefined || wanted.code === shown.code);
}

/** True when the interface identifier begins with the prefix. */
export function covers(prefix: IidPrefix, { tags, host }: Iid): boolean {
  return (
    sameBits(prefix.tags, tags, Math.min(prefix.length, 32)) &&
    sameBits(prefix.host, host, Math.max(prefix.length - 32, 0))
  );
}

/** True when some interface identifier begins with both: one of them then begins with the other. */
export const overlaps = (a: IidPrefix, b: IidPrefix): boolean => (a.length <= b.length ? covers(a, b) : covers(b, a));

/** `bits`: 0 … 32. A shift by 32 would be one by 0. */
const sameBits = (a: number, b: number, bits: number): boolean => bits === 0 || (a ^ b) >>> (32 - bits) === 0;
