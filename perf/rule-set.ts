/** Rules of a deployment with many tenants, and packets between its VMs, for perf/rules.ts. */
import { nextBelow, nextBetween, nextU32, type Random } from "#base/random";
import { defaultRules, type Iid, type IidPrefix, type Packet, type Rule } from "#policy/rules";
import { PROTOCOL_ICMP4, PROTOCOL_TCP, PROTOCOL_UDP } from "#wire/protocol";

const TENANT_BITS = 20;
const NETWORKS = 3; // of a tenant
const PRIVATE = 0x0a00_0000; // 10.0.0.0
const PUBLIC = 0xc000_0000;

export interface RuleSet {
  readonly tenants: number;
  /** The tenants' rules, then the defaults. */
  readonly rules: readonly Rule[];
  readonly defaults: number;
  /** A packet between two VMs, half of them of one tenant. */
  readonly packet: (random: Random) => Packet;
}

interface Size {
  readonly tenants: number;
  readonly rules: number;
}

const tagsOf = (tenant: number, network: number): number => ((tenant << (32 - TENANT_BITS)) | network) >>> 0;
const tenantPrefix = (tenant: number): IidPrefix => ({ tags: tagsOf(tenant, 0), host: 0, length: TENANT_BITS });
const networkPrefix = (tenant: number, network: number): IidPrefix => ({
  tags: tagsOf(tenant, network),
  host: 0,
  length: 32,
});
const anyNetwork = (random: Random, tenant: number): IidPrefix =>
  networkPrefix(tenant, 1 + nextBelow(random, NETWORKS));
/** A /24 … /32 of a network's private addresses. */
const subnet = (random: Random, tenant: number): IidPrefix => ({
  tags: tagsOf(tenant, 1 + nextBelow(random, NETWORKS)),
  host: PRIVATE | nextBelow(random, 1 << 16),
  length: 32 + nextBetween(random, 24, 32),
});
/** A tenant's public /28 lies in its first network. */
const publicPrefix = (tenant: number): IidPrefix => ({
  tags: tagsOf(tenant, 1),
  host: (PUBLIC | (tenant << 4)) >>> 0,
  length: 60,
});
const anyPrefix: IidPrefix = { tags: 0, host: 0, length: 0 };

const PORTS = [22, 53, 80, 123, 443, 3306, 5432, 8080];

/** What a rule opens or closes: a port, a range, ICMP echo, a protocol, everything. */
function condition(random: Random): Partial<Rule> {
  const port = PORTS[nextBelow(random, PORTS.length)]!;
  const protocol = nextBelow(random, 3) === 0 ? PROTOCOL_UDP : PROTOCOL_TCP;
  switch (nextBelow(random, 8)) {
    case 0:
      return {};
    case 1:
      return { protocol };
    case 2:
      return { protocol: PROTOCOL_ICMP4, icmp: { type: 8 } };
    case 3:
      return { protocol, destinationPorts: [{ first: 30_000, last: 32_767 }] };
    default:
      return { protocol, destinationPorts: [{ first: port, last: port }] };
  }
}

/** Source and destination of one of a tenant's rules. */
function ends(random: Random, tenant: number, tenants: number): { source: IidPrefix; destination: IidPrefix } {
  const other = 1 + nextBelow(random, tenants);
  switch (nextBelow(random, 10)) {
    case 0:
      return { source: anyPrefix, destination: publicPrefix(tenant) };
    case 1:
      return { source: tenantPrefix(tenant), destination: anyNetwork(random, tenant) };
    case 2:
      return { source: anyNetwork(random, other), destination: subnet(random, tenant) };
    case 3:
      return { source: publicPrefix(other), destination: publicPrefix(tenant) };
    case 4:
    case 5:
      return { source: anyNetwork(random, tenant), destination: anyNetwork(random, tenant) };
    default:
      return { source: subnet(random, tenant), destination: subnet(random, tenant) };
  }
}

export function ruleSet(random: Random, { tenants, rules: count }: Size): RuleSet {
  const written = Array.from({ length: count }, (_, i): Rule => {
    const tenant = 1 + (i % tenants);
    const { source, destination } = ends(random, tenant, tenants);
    return {
      name: `tenant-${tenant}/rule-${i}`,
      priority: 100 * nextBetween(random, 1, 20),
      source: [source],
      destination: [destination],
      ...condition(random),
      action: nextBelow(random, 4) === 0 ? "deny" : "allow",
      stateful: true,
      log: false,
    };
  });
  const each = Array.from({ length: tenants }, (_, i) => i + 1);
  const networks = each.flatMap((tenant) =>
    Array.from({ length: NETWORKS }, (_, n) => ({ name: `${tenant}/${n + 1}`, tags: tagsOf(tenant, n + 1) })),
  );
  const defaults = defaultRules({ networks, publicPrefixes: each.map(publicPrefix) });
  return { tenants, rules: [...written, ...defaults], defaults: defaults.length, packet: (r) => packet(r, tenants) };
}

function packet(random: Random, tenants: number): Packet {
  const from = 1 + nextBelow(random, tenants);
  const to = nextBelow(random, 2) ? from : 1 + nextBelow(random, tenants);
  const ends = { source: vm(random, from), destination: vm(random, to) };
  if (nextBelow(random, 8) === 0) return { ...ends, protocol: PROTOCOL_ICMP4, icmp: { type: 8, code: 0 } };
  const destination = nextBelow(random, 4) ? PORTS[nextBelow(random, PORTS.length)]! : nextBelow(random, 65536);
  const ports = { source: nextBetween(random, 32_768, 65_535), destination };
  return { ...ends, protocol: nextBelow(random, 3) ? PROTOCOL_TCP : PROTOCOL_UDP, ports };
}

function vm(random: Random, tenant: number): Iid {
  if (nextBelow(random, 4) === 0) {
    const { tags, host } = publicPrefix(tenant);
    return { tags, host: (host | (nextU32(random) & 15)) >>> 0 };
  }
  return { tags: tagsOf(tenant, 1 + nextBelow(random, NETWORKS)), host: PRIVATE | nextBelow(random, 1 << 16) };
}
