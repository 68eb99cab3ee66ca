/**
 * The parts of a configuration in words. Two things are the same when their facts are, and these are also what a plan
 * prints; so nothing can change unseen.
 */
import { segmentText } from "#router/config/broadcast";
import type { Address, DhcpSettings, FabricRule, Home, Network, Route, Uplink, Vm } from "#router/config/model";
import { PROTOCOLS } from "#router/config/rule-schema";
import { formatSpan } from "#runtime/document/scalars";

/** Property → its value in words; what is left to its default is left out. */
export type Facts = Readonly<Record<string, string>>;

/** The 32-bit tags as they show in an address: eight hexadecimal digits. */
export const tagsText = (tags: number): string => tags.toString(16).padStart(8, "0");

export const networkFacts = (network: Network): Facts => ({
  tags: tagsText(network.tags),
  ...(network.prefixes.length > 0 && { prefixes: network.prefixes.map((p) => p.text).join(" ") }),
  ...(network.publicPrefixes.length > 0 && { public: network.publicPrefixes.map((p) => p.text).join(" ") }),
  ...(network.tenantPrefixes.length > 0 && { "tenant's own": network.tenantPrefixes.map(tenantPrefixText).join(" ") }),
  ...(network.publicIpv6 && { ipv6: "public" }),
  ...(network.routes.length > 0 && { routes: network.routes.map(networkRouteText).join(" and ") }),
  gateway: network.gateway.text,
  ...(network.dhcp === undefined ? { dhcp: "off" } : dhcpFacts(network.dhcp)),
  ...(!network.metadata && { metadata: "off" }),
  ...(!network.ra && { ra: "off" }),
  ...(network.segment !== undefined && { broadcast: segmentText(network.segment) }),
  ...(network.flowLog !== undefined && { "flow log": `sample 1 in ${network.flowLog.sample}` }),
});

const tenantPrefixText = ({ text, isPublic }: Network["tenantPrefixes"][number]): string =>
  isPublic ? `${text} (public)` : text;

const networkRouteText = ({ to, via }: Network["routes"][number]): string =>
  `${to.text} via ${via.kind === "peer" ? via.network : via.kind}`;

export const ruleFacts = ({ from, to, protocol, ports, sourcePorts, icmp, ...rule }: FabricRule): Facts => ({
  action: rule.action,
  from: from.map(({ text }) => text).join(" and "),
  to: to.map(({ text }) => text).join(" and "),
  ...(protocol !== undefined && { protocol: protocolName(protocol) }),
  ...(ports.length > 0 && { ports: rangesText(ports) }),
  ...(sourcePorts.length > 0 && { "source ports": rangesText(sourcePorts) }),
  ...(icmp !== undefined && { "icmp type": `${icmp.type}${icmp.code === undefined ? "" : ` code ${icmp.code}`}` }),
  priority: `${rule.priority}`,
  ...(!rule.stateful && { stateful: "no" }),
  ...(rule.log && { log: "yes" }),
});

/** `80 8000-8080`. */
export const rangesText = (ranges: FabricRule["ports"]): string =>
  ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(" ");

/** As rules may name it. */
export const protocolName = (number: number): string =>
  Object.entries(PROTOCOLS).find(([, n]) => n === number)?.[0] ?? `${number}`;

/** Milliseconds: an hour, as in fabric-schema.ts. */
const DEFAULT_LEASE = 3_600_000;

const dhcpFacts = ({ dns, dns6, domain, ntp, ntp6, mtu, leaseTime }: DhcpSettings): Facts => ({
  ...serverFacts("dns", [...dns, ...dns6]),
  ...(domain !== undefined && { domain }),
  ...serverFacts("ntp", [...ntp, ...ntp6]),
  ...(mtu !== undefined && { "dhcp mtu": `${mtu}` }),
  ...(leaseTime !== DEFAULT_LEASE && { lease: formatSpan(leaseTime) }),
});

const serverFacts = (name: string, servers: readonly Address[]): Facts =>
  servers.length === 0 ? {} : { [name]: servers.map(({ text }) => text).join(" ") };

export const homeFacts = (home: Home): Facts => ({
  prefix: home.prefix.text,
  ...(home.hypervisor !== undefined && { hypervisor: home.hypervisor }),
});

export const uplinkFacts = (uplink: Uplink): Facts => ({
  interface: uplink.interface,
  ...(uplink.mtu !== undefined && { mtu: `${uplink.mtu}` }),
  ...(!uplink.offload && { offload: "off" }),
  ...(uplink.capture && { capture: "on" }),
});

export function routeFacts({ via }: Route): Facts {
  if (via.length === 0) return { via: "discard" };
  const hops = via.map((hop) => `${hop.uplink} ${hop.address.text}${hop.weight > 1 ? ` weight ${hop.weight}` : ""}`);
  return { via: hops.join(" and ") };
}

export const vmFacts = (vm: Vm): Facts => ({ ...vmPortFacts(vm), ...vmServiceFacts(vm) });

/** What its port is made from. */
export const vmPortFacts = (vm: Vm): Facts => ({
  network: `${vm.network.name} (tags ${tagsText(vm.network.tags)})`,
  ...(vm.ipv4 && { address: vm.ipv4.address.text, "in the fabric": vm.ipv4.networkAddress.text }),
  ...(vm.ipv6.length > 0 && { ipv6: vm.ipv6.map(({ text }) => text).join(" ") }),
  ...(vm.mac && { mac: vm.mac.text }),
  ...(vm.mtu !== undefined && { mtu: `${vm.mtu}` }),
  ...attachmentFacts(vm),
  ...(!vm.offload && { offload: "off" }),
  ...(vm.capture && { capture: "on" }),
});

/** What only the services at its port look at, so that a change of it leaves the port alone. */
const vmServiceFacts = (vm: Vm): Facts => ({
  ...(vm.hostname !== vm.name && { hostname: vm.hostname }),
  ...(!vm.dhcp && { dhcp: "off" }),
  ...(vm.instanceId !== defaultInstanceId(vm) && { "instance id": vm.instanceId }),
  ...(vm.userData && { "user data": digest(vm.userData) }),
});

/** Unique in the deployment as long as VMs' names are in their network. */
export const defaultInstanceId = ({ name, network }: Pick<Vm, "name" | "network">): string =>
  `${network.name.replace("/", "-")}-${name}`;

/** Not the data itself: there may be secrets in it. */
const digest = (data: Uint8Array): string => `${data.length} octets (${Bun.hash(data).toString(16).padStart(16, "0")})`;

function attachmentFacts({ attachment }: Vm): Facts {
  if (attachment.kind === "interface") return { interface: attachment.interface };
  const { netns, rename, mac } = attachment;
  return {
    tap: attachment.interface,
    ...(netns !== undefined && { netns }),
    ...(rename !== undefined && { rename }),
    ...(mac && { "tap mac": mac.text }),
  };
}

/** `network blue/prod, address 10.0.0.2`. */
export const listFacts = (facts: Facts): string =>
  Object.entries(facts)
    .map(([property, words]) => `${property} ${words}`)
    .join(", ");

/** `mtu 1500 → 9000, offload default → off`; empty when nothing differs. */
export const listDifferences = (before: Facts, after: Facts): string =>
  Object.keys({ ...before, ...after })
    .filter((property) => before[property] !== after[property])
    .map((property) => `${property} ${before[property] ?? "default"} → ${after[property] ?? "default"}`)
    .join(", ");
